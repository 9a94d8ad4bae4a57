export type { Api, ApiOptions } from './assemble.js';
