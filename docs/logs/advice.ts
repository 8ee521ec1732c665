/** What an operator does about each warning and error: one sentence or two, by message. */
export const ADVICE: Readonly<Record<string, string>> = {
  'announcement failed':
    'Nothing, if it stops: gauges of due work are missing until one scheduler announces itself again. If it goes on, look at Redis.',
  'background task failed':
    'Nothing, if it stops: the task runs again by itself. If it goes on, look at the field `error` and at the part that it names.',
  'command failed unexpectedly': 'Report it with the fields `error` and `requestId`. The caller got `internal`.',
  'command failed, it will be retried':
    'Nothing at first. After twelve failures the record moves to the dead-letter topic.',
  'connection event failed; retrying': 'Nothing at first: the event is read again until it succeeds.',
  'connection event skipped; reconciliation will correct the snapshot':
    'Nothing: the next reconciliation publishes the snapshot. `npm run vault -- state diff` shows what is still open.',
  'connection-events offset out of range; events may have been skipped or repeated':
    'Run `npm run vault -- state diff`, and `state rebuild` if it lists differences.',
  'connection-state offset out of range; topic read again from its beginning':
    'Nothing. If it repeats, compare the topic settings: `npm run vault -- topics check`.',
  'connection-state record unreadable':
    'Find out who writes to the topic besides the status-projector. `npm run vault -- state rebuild` replaces the record.',
  'consumer stopped, a right is missing':
    'Grant the right that the field `error` names (`npm run vault -- acls print ROLE` lists all). The service recovers by itself.',
  'consumer offset out of range; commands may have been skipped or will be repeated':
    'Find out why: a deleted or recreated topic, or an outage longer than its retention. Mutations are repeated without a second effect.',
  'engine table entry not readable yet': 'Look at the key service: the entry is read as soon as KMS answers.',
  'engine table entry refused':
    'Run `npm run vault -- engines apply deploy/engines.yaml`, and find out who else may write to `vault.engines`.',
  'fatal error': 'The process ends. Look at the field `error`; the supervisor starts it again.',
  'follower reconnect failed': 'Look at the brokers. The follower tries again until it succeeds.',
  'job failed; connection becomes due again':
    'Nothing, if it stops. If it goes on, look at Redis and at the field `error`.',
  'memory can reach a disk or a debugger':
    'Do what the field `remedy` says. In production the service does not start without it.',
  'offset commit failed':
    'Nothing, if it stops: the next commit covers it. If it goes on, look at the group coordinator.',
  'part did not stop cleanly': 'Nothing. What was unfinished is delivered again.',
  'part unavailable': 'Look at the part in the field `part`. The service is unready until it answers.',
  'partition lookup failed': 'Look at the brokers. The lookup is repeated.',
  'parts did not stop in time': 'Nothing. What was unfinished is delivered again.',
  'processed due connection':
    'A warning names a connection that failed or ended: `npm run vault -- refresh why USER PLATFORM` says why.',
  'queue full; due connections postponed':
    'Start another refresh-scheduler, or raise the concurrency limit of the platform.',
  'record moved to the dead-letter topic':
    'Run `npm run vault -- dead-letters show`. A record of a known engine is a fault in that engine.',
  'reply topic consumer failed': 'Restart the process that uses the client. Look at the rights on its reply topic.',
  'reply dropped':
    'A few are late replies. Many point at a wrong credential or at somebody else writing to the reply topic.',
  'reply undeliverable':
    'Look at the reply topic in the fields: it is missing, or has fewer partitions than the caller named.',
  'request failed unexpectedly': 'Report it with the fields `error` and `requestId`. The caller got `internal`.',
  'second stop signal, exiting immediately': 'Nothing. What was unfinished is delivered again.',
  'stored entry moved to the quarantine':
    'Run `npm run vault -- quarantine list`. `retry` puts a repaired entry back, `discard` deletes it.',
  'stopped with jobs in progress; their connections become due again': 'Nothing.',
  'stopped with refreshes in flight': 'Nothing: the next holder of each lease finds out what became of its refresh.',
  'stopped with unfinished commands, they will be redelivered': 'Nothing.',
  'stopped with unfinished events; they will be redelivered': 'Nothing.',
  'sweep failed': 'Look at Redis. The next sweep takes what is due.',
  'uncaught exception': 'Report it with the field `error`. The process ends and the supervisor starts it again.',
};
