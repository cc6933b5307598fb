import { WeirError } from '@weir/node/contract';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

/** `issued.json`: every certificate that the authority has signed, and what became of it. Version 1. */
const Shape = Type.Object({
  version: Type.Literal(1),
  /** Of the newest revocation list; it only grows. */
  crlNumber: Type.Integer({ minimum: 0 }),
  certificates: Type.Array(
    Type.Object({
      serial: Type.String({ pattern: '^[0-9A-F]{2,40}$' }),
      kind: Type.Union([Type.Literal('board'), Type.Literal('device')]),
      name: Type.String(),
      issuedMs: Type.Number(),
      notAfterMs: Type.Number(),
      revokedMs: Type.Union([Type.Number(), Type.Null()]),
      reason: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});

export type CertificateKind = 'board' | 'device';

export interface IssuedCertificate {
  serial: string;
  kind: CertificateKind;
  name: string;
  issuedMs: number;
  notAfterMs: number;
  revokedMs: number | null;
  reason: string | null;
}

export interface IssuedFile {
  version: 1;
  crlNumber: number;
  certificates: IssuedCertificate[];
}

export function newIssued(): IssuedFile {
  return { version: 1, crlNumber: 0, certificates: [] };
}

export function parseIssued(text: string, path: string): IssuedFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (!Value.Check(Shape, parsed)) throw damaged(path);
  return parsed as IssuedFile;
}

export function issuedText(file: IssuedFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

function damaged(path: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_AUTHORITY_DAMAGED', `${path} is not a list of certificates of version 1.`, {
    suggestion: 'Restore the authority from its backup: weir provision restore FILE.',
    cause,
  });
}
