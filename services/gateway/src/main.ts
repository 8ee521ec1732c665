import { randomUUID } from 'node:crypto';
import { countAttempts, kafkaJournal } from '@vault-engine/audit';
import { connectBus, createPublisher } from '@vault-engine/bus';
import { openCaller } from '@vault-engine/client';
import { GATEWAY, openCodec, topicNames } from '@vault-engine/contracts';
import { followEngines } from '@vault-engine/engines';
import { openWrapper } from '@vault-engine/kms';
import { driverLog, every, runService, type ServiceContext } from '@vault-engine/runtime';
import { buildGateway } from './build-gateway.ts';
import { type GatewayConfig, readGatewayConfig } from './config.ts';
import { observe } from './observe.ts';

const COUNT_EVERY_MS = 60_000;

const start = async (context: ServiceContext<GatewayConfig>): Promise<void> => {
  const { config, log, part, fatal, health } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const wrapper = await part('keys', () => openWrapper(config.key));
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const bus = connectBus({ ...config.kafka, clientId: 'gateway', log: driverLog(log) });
  const table = await part(
    'engines',
    () =>
      followEngines({
        bus,
        codec,
        topic: topics.engines,
        wrapper,
        environment: config.environment,
        onFatal: fatal,
        onRefused: (engine, reason) => log.error('an entry of the table of engines is refused', { engine, reason }),
        onWaiting: (engine, error) => log.warn('an entry of the table of engines waits', { engine, error }),
      }),
    (open) => open.close(),
  );

  const auditTo = await part(
    'audit-log',
    () => createPublisher(bus),
    (open) => open.close(),
  );
  const attempts = countAttempts({
    // The gateway publishes no events: a change's are written by the worker that made it.
    journal: kafkaJournal({
      codec,
      auditTo,
      eventsTo: auditTo,
      auditTopic: topics.auditLog,
      eventsTopic: topics.connectionEvents,
    }),
    now: Date.now,
    uuid: randomUUID,
  });
  await part(
    'attempts',
    () =>
      every(
        COUNT_EVERY_MS,
        () => attempts.flush(),
        (error) => log.warn('failed attempts could not be audited yet', { error }),
      ),
    async (task) => {
      await task.stop();
      await attempts.flush();
    },
  );

  const caller = await part(
    'replies',
    () =>
      openCaller({
        bus,
        codec,
        commandsTopic: topics.commands,
        replyTopic: topics.replies(GATEWAY),
        timeoutMs: config.http.timeoutMs,
        onInboxLost: fatal,
      }),
    (open) => open.close(),
  );
  const { host, port } = config.http;
  await part(
    'http',
    async () => {
      const app = await buildGateway({
        table,
        caller,
        attempts,
        http: config.http,
        health: health.report,
        onAnswered: observe(context),
      });
      const address = await app.listen({ host, port });
      log.info('listening', { address });
      return app;
    },
    (app) => app.close(),
  );
};

await runService({ name: 'gateway', config: () => readGatewayConfig(process.env), start });
