import type { BbsError } from '../../common/model/bbs-error.js';
import { err, ok } from '../../common/model/result.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { DesiredLrpApi, DesiredLrpFilter } from '../client.js';
import { bbsError, refused } from '../core/decision.js';
import { desire, removeDesired, update } from '../core/desired-lrps.js';
import { isFresh, upsertDomain } from '../core/domains.js';
import { required } from '../core/problems.js';
import { invalidRequest, updateProblems } from '../core/validation.js';
import type { CommittedTables } from '../store/schema.js';
import type { BoardParts } from './board.js';
import { processAt, values } from './rows.js';

const candidates = (tables: CommittedTables, filter: DesiredLrpFilter): Iterable<DesiredLrp> => {
  const { processGuids = [], domain } = filter;
  if (processGuids.length > 0) {
    return [...new Set(processGuids)].flatMap((guid) => tables.desired_lrps.get(guid) ?? []);
  }
  return domain ? tables.desired_lrps.byIndex('domain', domain) : values(tables.desired_lrps);
};

/** Kinds of filter are AND-ed, values within one OR-ed; an app guid matches the process guids it begins. */
const desiredIn = (tables: CommittedTables, filter: DesiredLrpFilter): DesiredLrp[] => {
  const { domain, appGuids = [] } = filter;
  const ofApp = (guid: string): boolean =>
    appGuids.length === 0 || appGuids.some((app) => guid.startsWith(app));
  return [...candidates(tables, filter)].filter(
    (row) => (!domain || row.domain === domain) && ofApp(row.processGuid),
  );
};

/** What whoever pushed reads in the application's log (BBS API sheet §9). */
const notTaken = ({ processGuid }: DesiredLrp, { message }: BbsError): string =>
  `Error parsing request for app with guid ${processGuid}, ${message}`;

export const createDesiredLrpApi = (parts: BoardParts): DesiredLrpApi => {
  const { transactions, store, presence, appLog } = parts;
  const { committed } = store;
  return {
    async desireLrp(lrp, traceId) {
      const result = await transactions.run('desire-lrp', traceId, (tables, ctx) =>
        desire(processAt(tables, lrp.processGuid), lrp, ctx),
      );
      if (!result.ok && result.error.type === 'InvalidRequest')
        appLog.tell(lrp.logGuid, notTaken(lrp, result.error));
      return result;
    },
    async updateDesiredLrp(processGuid, change, traceId) {
      const problems = required({ process_guid: processGuid });
      if (problems.length > 0)
        return refused('InvalidRequest', [...problems, ...updateProblems(change)].join(', '));
      return transactions.run('update-desired-lrp', traceId, (tables, ctx) =>
        update(processAt(tables, processGuid), { update: change, cells: presence }, ctx),
      );
    },
    async removeDesiredLrp(processGuid, traceId) {
      const invalid = invalidRequest(required({ process_guid: processGuid }));
      if (invalid) return err(invalid);
      return transactions.run('remove-desired-lrp', traceId, (tables, ctx) =>
        removeDesired(processAt(tables, processGuid), presence, ctx),
      );
    },
    desiredLrps: async (filter) => ok(desiredIn(committed, filter)),
    async desiredLrp(processGuid) {
      const invalid = invalidRequest(required({ process_guid: processGuid }));
      if (invalid) return err(invalid);
      const row = committed.desired_lrps.get(processGuid);
      return row ? ok(row) : err(bbsError('ResourceNotFound'));
    },
    async upsertDomain(domain, ttlSeconds, traceId) {
      if (!Number.isInteger(ttlSeconds) || ttlSeconds < 0)
        return refused('InvalidRequest', 'Invalid field: ttl');
      return transactions.run('upsert-domain', traceId, (_tables, ctx) =>
        upsertDomain({ domain, ttlSeconds }, ctx),
      );
    },
    async domains() {
      const now = transactions.steadyNow();
      return ok([...values(committed.domains)].filter((row) => isFresh(row, now)).map((row) => row.name));
    },
  };
};
