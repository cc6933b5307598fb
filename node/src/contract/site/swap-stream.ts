import type { StreamSpec } from './model.ts';

/**
 * A register that is taken out and another that is put in is recorded by an operator. The record goes through the log
 * like a reading, as one of a stream of its own that no site file names, with the meter as key: so it reaches the shard
 * of the meter, in its place, also in a replay. Values are texts, since each field has decimals of its own.
 */
export const SWAP_TOPIC = '$weir/swaps';

const text = (name: string) => ({
  name,
  type: 'text' as const,
  unit: '',
  decimals: 0,
  maxRatePerHour: null,
});

export const SWAP_STREAM: StreamSpec = {
  name: '$swaps',
  sources: [{ from: SWAP_TOPIC, filter: SWAP_TOPIC, topicFields: [] }],
  codec: 'json',
  timeField: 'at',
  keyField: 'meter',
  idFields: [],
  latenessMs: 0,
  fields: ['id', 'undo', 'stream', 'field', 'last', 'first', 'by', 'note'].map(text),
};

/** One message of the topic. */
export interface SwapMessage {
  /** Epoch ms: readings from here on are the new register's. */
  at: number;
  meter: string;
  id: string;
  /** Set: the swap of this id is taken back. */
  undo?: 'yes';
  stream: string;
  field: string;
  /** What the old register showed when it was taken out, and the new one when it was put in. */
  last: string;
  first: string;
  by: string;
  note: string;
}
