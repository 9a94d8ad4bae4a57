import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { codedFailure, unprocessable } from '../core/failure.js';
import { awaitingUpload, finishUpload } from '../core/packages.js';
import type { PackageRow } from '../core/rows.js';
import { checkArchive } from '../services/archive.js';
import type { ReceivedBlob } from '../store/blobs.js';
import type { Deps } from './deps.js';

type Outcome<T> = Promise<Result<T, ApiFailure[]>>;

/** Room for what a multipart body holds beside the bits. */
const OVERHEAD_BYTES = 1024 * 1024;
const MB = 1024 * 1024;

const tooLarge = (limit: number) =>
  err([codedFailure('UPLOAD_TOO_LARGE', { limitMb: Math.round(limit / MB) })]);
const broken = (reason: string) => err([codedFailure('UPLOAD_BROKEN', { reason })]);

/** No entry is ever known already, so none may be left out of the bits. */
const checkResources = (text: string): Result<void, ApiFailure[]> => {
  try {
    const resources: unknown = JSON.parse(text || '[]');
    if (Array.isArray(resources) && resources.length === 0) return ok(undefined);
  } catch {
    return broken('the field "resources" is not JSON');
  }
  return unprocessable('resources cannot be matched: send all files as bits');
};

const receiveFile = async (part: MultipartFile, deps: Deps): Outcome<ReceivedBlob> => {
  try {
    const blob = await deps.blobs.receive(part.file, deps.random.uuid());
    if (!part.file.truncated) return ok(blob);
    await deps.blobs.discard(blob);
    return tooLarge(deps.maxUploadBytes);
  } catch (error) {
    if (part.file.truncated) return tooLarge(deps.maxUploadBytes);
    return broken(error instanceof Error ? error.message : String(error));
  }
};

/** Streams the bits to disk; what else comes is let go. At most one file is kept. */
const receiveParts = async (request: FastifyRequest, deps: Deps): Outcome<ReceivedBlob> => {
  let bits: Result<ReceivedBlob, ApiFailure[]> | undefined;
  let resources: Result<void, ApiFailure[]> = ok(undefined);
  const limits = { fileSize: deps.maxUploadBytes, files: 1, fields: 10, fieldSize: OVERHEAD_BYTES };
  try {
    for await (const part of request.parts({ limits })) {
      if (part.type === 'file' && part.fieldname === 'bits') bits = await receiveFile(part, deps);
      else if (part.type === 'file') part.file.resume();
      else if (part.fieldname === 'resources') resources = checkResources(String(part.value));
      if (bits && !bits.ok) return bits;
    }
  } catch (error) {
    if (bits?.ok) await deps.blobs.discard(bits.value);
    const { code, message } = error as { code?: string; message: string };
    return code === 'FST_REQ_FILE_TOO_LARGE' ? tooLarge(deps.maxUploadBytes) : broken(message);
  }
  if (resources.ok) return bits ?? unprocessable('Upload must include bits');
  if (bits?.ok) await deps.blobs.discard(bits.value);
  return resources;
};

const fail = async (guid: string, failure: ApiFailure, deps: Deps): Outcome<PackageRow> => {
  const failed = await deps.state.decide((tables, context) =>
    finishUpload(tables, context, { guid, error: failure.detail }),
  );
  return failed.ok ? err([failure]) : failed;
};

/** The row follows the file: a file that no row names goes with the next sweep. */
const accept = async (guid: string, blob: ReceivedBlob, deps: Deps): Outcome<PackageRow> => {
  const kept = await deps.blobs.keep(blob);
  try {
    const { sha256, sizeBytes } = blob;
    const accepted = await deps.state.decide((tables, context) =>
      finishUpload(tables, context, { guid, blob: sha256, sizeBytes }),
    );
    if (!accepted.ok) deps.operations.sweep();
    return accepted;
  } finally {
    kept.release();
  }
};

/**
 * Takes a package's bits: streamed to disk, then checked, then named by the package. Bits that fail a check
 * make the package FAILED; an upload that breaks off leaves it waiting for another one. Either way the file goes.
 */
export const uploadPackage = async (
  request: FastifyRequest,
  guid: string,
  deps: Deps,
): Outcome<PackageRow> => {
  const waiting = awaitingUpload(deps.state.tables, guid);
  if (!waiting.ok) return waiting;
  if (!request.isMultipart()) return broken('multipart/form-data is expected');
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > deps.maxUploadBytes + OVERHEAD_BYTES) return tooLarge(deps.maxUploadBytes);
  const received = await receiveParts(request, deps);
  if (!received.ok) {
    return received.error[0]?.code === 'UPLOAD_TOO_LARGE' ? fail(guid, received.error[0], deps) : received;
  }
  const checked = await checkArchive(received.value.path, deps.archive);
  if (checked.ok) return accept(guid, received.value, deps);
  await deps.blobs.discard(received.value);
  deps.logger.warn('upload-refused', { packageGuid: guid, reason: checked.error.detail });
  return fail(guid, checked.error, deps);
};
