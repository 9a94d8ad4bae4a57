/** The table alone, in memory: what a look-up and a change cost, and how long a whole one takes. */
import type { RouteRegistration } from '../common/model/routing.js';
import { readRegistration, toRouteChange } from '../router/core/registration.js';
import { createRouteTable } from '../router/core/route-table.js';
import { round } from './harness.js';

const ROUTES = 250_000;
const LOOKUPS = 1_000_000;
const CHANGES = 20_000;

const messageOf = (nth: number): Uint8Array => {
  const registration: RouteRegistration = {
    host: `10.${(nth >> 16) & 255}.${(nth >> 8) & 255}.${nth & 255}`,
    port: 61_001,
    uris: [`app-${nth}.apps.example.com`],
    app: `0a1b2c3d-0000-4000-8000-${String(nth).padStart(12, '0')}`,
    private_instance_id: `instance-${nth}`,
    private_instance_index: '0',
    tags: { component: 'route-emitter', space_id: 'space' },
  };
  return Buffer.from(JSON.stringify(registration));
};

const changeOf = (payload: Uint8Array) => {
  const read = readRegistration(JSON.parse(new TextDecoder().decode(payload)));
  if (!read.ok) throw new Error(read.error.reason);
  return toRouteChange(read.value, 120);
};

const cpu = (work: () => void): number => {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
};

export const measureTable = () => {
  const table = createRouteTable({ fraction: Math.random, emptyPoolMs: 0 });
  const put = (payload: Uint8Array): void => {
    const { endpoint, keys } = changeOf(payload);
    table.register(endpoint, keys, 0);
  };
  const take = (payload: Uint8Array): void => {
    const { endpoint, keys } = changeOf(payload);
    table.unregister(endpoint.address, keys, 0);
  };
  const messages = Array.from({ length: ROUTES }, (_, nth) => messageOf(nth));
  const loadMs = cpu(() => messages.forEach(put));
  const again = cpu(() => messages.slice(0, 50_000).forEach(put)) / 50;
  const lookupMs = cpu(() => {
    for (let nth = 0; nth < LOOKUPS; nth += 1) {
      table.lookup(`app-${(nth * 7919) % ROUTES}.apps.example.com:443`, '/some/path?query');
    }
  });
  const some = messages.slice(0, CHANGES / 2);
  const changeMs = cpu(() => {
    some.forEach(take);
    some.forEach(put);
  });
  return {
    routes: ROUTES,
    loadCpuS: round(loadMs / 1000, 2),
    refreshUs: round(again, 1),
    lookupUs: round((lookupMs * 1000) / LOOKUPS, 2),
    changeUs: round((changeMs * 1000) / CHANGES, 1),
    /** of one core, at 1,000 changes a second */
    changesPercent: round((changeMs * 1000) / CHANGES / 10, 1),
  };
};
