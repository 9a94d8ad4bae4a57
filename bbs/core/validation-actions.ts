import type {
  Action,
  ActionList,
  DownloadAction,
  RunAction,
  UploadAction,
} from '../../common/model/action.js';
import { field, required } from './problems.js';
import type { Problems } from './problems.js';

export const INVALID_ACTION_TYPE = 'invalid action type';
const CHECKSUMS = new Set(['md5', 'sha1', 'sha256']);

/** Algorithm and value come together or not at all. */
export const checkChecksum = (checksum: { checksumAlgorithm: string; checksumValue: string }): Problems => {
  const { checksumAlgorithm: algorithm, checksumValue: value } = checksum;
  if (algorithm === '' && value === '') return [];
  if (algorithm === '') return field('checksum algorithm');
  if (value === '') return field('checksum value');
  return CHECKSUMS.has(algorithm.toLowerCase()) ? [] : field('invalid algorithm');
};

const checkDownload = (action: DownloadAction): Problems => {
  const { from, to, user } = action;
  return [...required({ from, to, user }), ...checkChecksum(action)];
};

const checkUpload = ({ to, from, user }: UploadAction): Problems => required({ to, from, user });
const checkRun = ({ path, user }: RunAction): Problems => required({ path, user });
const checkInner = (action: Action | undefined): Problems => (action ? checkAction(action) : field('action'));

const checkList = ({ actions }: ActionList): Problems =>
  actions.length === 0 ? field('actions') : actions.flatMap(checkAction);

/** Diego's rules (behaviour of the BBS models' Validate): the first kind that is set counts. */
export const checkAction = (action: Action): Problems => {
  if (action.download) return checkDownload(action.download);
  if (action.upload) return checkUpload(action.upload);
  if (action.run) return checkRun(action.run);
  if (action.timeout) {
    const { timeoutMs, action: inner } = action.timeout;
    return [...checkInner(inner), ...(timeoutMs > 0 ? [] : field('timeout_ms'))];
  }
  if (action.emitProgress) return checkInner(action.emitProgress.action);
  if (action.try) return checkInner(action.try.action);
  const list = action.parallel ?? action.serial ?? action.codependent;
  return list ? checkList(list) : field('inner-action');
};
