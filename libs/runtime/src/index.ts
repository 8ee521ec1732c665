export { type DescribedError, describeError, errorLabel } from './describe-error.ts';
export { driverLog } from './driver-log.ts';
export { every, type Repeating } from './every.ts';
export { hardenProcess, type Weakness } from './harden-process.ts';
export { createHealth, type Health, type HealthReport, type PartState } from './health.ts';
export { isOutage } from './is-outage.ts';
export { limitLines } from './limit-lines.ts';
export { createLog, type Log, type LogFields, type LogOptions, silentLog } from './log.ts';
export { beginAtZero, createMetrics } from './metrics.ts';
export { type ObservableConsumer, observeConsumer } from './observe-consumer.ts';
export {
  type ConfigFault,
  ConfigRefused,
  type Environment,
  readConfig,
  type Settings,
  settings,
} from './read-config.ts';
export { runService, type Service, type ServiceConfig, type ServiceContext } from './run-service.ts';
export { type OperationsServer, serveOperations } from './serve-operations.ts';
export * from './settings.ts';
export { flag, list, mountable, oneOf, text, url, wholeNumber } from './variables.ts';
export { type WaitOptions, type WatchOptions, waitUntilReady, watchPart } from './wait-until-ready.ts';
