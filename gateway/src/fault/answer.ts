import { ERRORS, type ErrorCode, type Fault, WeirError } from '@weir/node/contract';
import type { FastifyError } from 'fastify';

export interface FaultAnswer {
  status: number;
  body: Fault;
}

/** Faults of the framework that are the client's doing, in the words of the one table. */
const FRAMEWORK: Record<string, { code: ErrorCode; message: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'WEIR_TOO_LARGE', message: 'The body passes its bound.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'WEIR_BAD_QUESTION',
    message: 'The body must be application/json.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'WEIR_BAD_QUESTION', message: 'The body is not JSON.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'WEIR_BAD_QUESTION', message: 'The body is empty.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'WEIR_BAD_QUESTION',
    message: 'The body is not as long as its header says.',
  },
  FST_ERR_BAD_URL: { code: 'WEIR_NOT_FOUND', message: 'There is no such path.' },
  FST_ERR_VALIDATION: { code: 'WEIR_BAD_QUESTION', message: 'A parameter is malformed.' },
};

/** Answers of the framework and its plugins that carry only a status. */
const BY_STATUS: Record<number, ErrorCode> = {
  400: 'WEIR_BAD_QUESTION',
  403: 'WEIR_NOT_FOUND',
  404: 'WEIR_NOT_FOUND',
  405: 'WEIR_NOT_FOUND',
  413: 'WEIR_TOO_LARGE',
  415: 'WEIR_BAD_QUESTION',
  429: 'WEIR_BUSY',
};

/** Null where the fault is not an expected one: then it is a bug, to be logged and answered without its words. */
export function expectedFault(fault: unknown): FaultAnswer | null {
  if (isCoded(fault)) return bodyOf(fault.code, fault.message, fault.field, fault.suggestion);
  const { code, statusCode } = (fault ?? {}) as Partial<FastifyError>;
  const known = code === undefined ? undefined : FRAMEWORK[code];
  if (known) return bodyOf(known.code, known.message);
  // The file server answers 403 to a path that climbs out of its directory; whoever tries that learns nothing.
  const byStatus = statusCode === undefined ? undefined : BY_STATUS[statusCode];
  return byStatus ? bodyOf(byStatus, ERRORS[byStatus].means) : null;
}

export function unexpectedFault(requestId: string): FaultAnswer {
  const suggestion = `The log has the cause under request ${requestId}.`;
  return bodyOf('WEIR_INTERNAL', ERRORS.WEIR_INTERNAL.means, undefined, suggestion);
}

// A fault that crossed a thread may have lost its class, so its code decides.
function isCoded(fault: unknown): fault is WeirError {
  if (fault instanceof WeirError) return true;
  return fault instanceof Error && 'code' in fault && Object.hasOwn(ERRORS, String(fault.code));
}

function bodyOf(code: ErrorCode, message: string, field?: string, suggestion?: string): FaultAnswer {
  const error: Fault['error'] = { code, message };
  if (field !== undefined) error.field = field;
  if (suggestion !== undefined) error.suggestion = suggestion;
  return { status: ERRORS[code].status, body: { error } };
}
