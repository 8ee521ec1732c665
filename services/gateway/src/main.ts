import { openAttempts, openEngineTable } from '@vault-engine/assembly/open-engines';
import { watchTopics } from '@vault-engine/assembly/watch-topics';
import { kafkaJournal } from '@vault-engine/audit';
import { connectBus, createPublisher } from '@vault-engine/bus';
import { openCaller } from '@vault-engine/client';
import { GATEWAY, openCodec, topicNames } from '@vault-engine/contracts';
import { openWrapper } from '@vault-engine/kms';
import { driverLog, runService, type ServiceContext } from '@vault-engine/runtime';
import { buildGateway } from './build-gateway.ts';
import { type GatewayConfig, readGatewayConfig } from './config.ts';
import { observe } from './observe.ts';

const start = async (context: ServiceContext<GatewayConfig>): Promise<void> => {
  const { config, log, part, fatal, health } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const wrapper = await part('keys', () => openWrapper(config.key));
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const bus = connectBus({ ...config.kafka, clientId: 'gateway', log: driverLog(log) });
  context.watch('kafka-rights', () => bus.probe());
  const table = await openEngineTable(context, { bus, codec, wrapper, topic: topics.engines });
  const auditTo = await part(
    'audit-log',
    () => createPublisher(bus),
    (open) => open.close(),
  );
  // Events are written by the worker that makes a change; the gateway writes audit records only.
  const eventsTo = auditTo;
  const { auditLog: auditTopic, connectionEvents: eventsTopic } = topics;
  const attempts = await openAttempts(context, kafkaJournal({ codec, auditTo, eventsTo, auditTopic, eventsTopic }));
  await watchTopics(context, bus, ['commands', 'engines', 'auditLog']);
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
        now: Date.now,
        onAnswered: observe(context, Date.now),
      });
      const address = await app.listen({ host, port });
      log.info('listening', { address });
      return app;
    },
    (app) => app.close(),
  );
};

await runService({ name: 'gateway', config: () => readGatewayConfig(process.env), start });
