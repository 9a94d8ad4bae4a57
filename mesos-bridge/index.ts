export type { MesosBridgeConfig } from './config.js';
