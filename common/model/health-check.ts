/** How an application's health is looked at, in Cloud Foundry's words. */
export type HealthCheckType = 'port' | 'process' | 'http';
