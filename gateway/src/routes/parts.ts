import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { BoardClient } from '@weir/node/client';
import { Fault } from '@weir/node/contract';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Access } from '../guard/access.ts';
import type { QuestionGate } from '../guard/question-gate.ts';
import type { HttpLimits } from '../limits.ts';
import type { LiveHub } from '../live/hub.ts';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What routes are made of. */
export interface Parts {
  client: BoardClient;
  gate: QuestionGate;
  hub: LiveHub;
  access: Access;
  limits: HttpLimits;
  now: () => number;
  version: string;
}

/** Every route may answer a fault, in one shape. */
export const FAULTS = { '4xx': Fault, '5xx': Fault } as const;
