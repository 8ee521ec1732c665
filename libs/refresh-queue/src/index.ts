export { type DueJob, jobId, queueName, queuePrefix, readJob } from './due-job.ts';
export { NoScheduler, type RequestOptions, requestRefresh } from './request-refresh.ts';
