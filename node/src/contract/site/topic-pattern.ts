import { LIMITS } from '../limits.ts';
import { quoted } from './faults.ts';
import type { SourceSpec } from './model.ts';
import { NAME_PATTERN } from './schema-words.ts';
import { whyTaken } from './taken-names.ts';

export interface PatternFault {
  message: string;
  suggestion: string | null;
  /** Position in the pattern's text. */
  within: number;
}

const PLACEHOLDER = new RegExp(`^\\{${NAME_PATTERN.slice(1, -1)}\\}$`);

/** Reads `meters/{meter}/electricity`. Every fault of it, or the source. */
export function parsePattern(from: string): { source: SourceSpec | null; faults: PatternFault[] } {
  const faults: PatternFault[] = [];
  const topicFields: SourceSpec['topicFields'] = [];
  const levels = from.split('/');
  if (levels.length > LIMITS.topicLevels) {
    const message = `the topic has ${levels.length} levels`;
    return {
      source: null,
      faults: [{ message, suggestion: `at most ${LIMITS.topicLevels} are taken`, within: 0 }],
    };
  }
  let within = 0;
  for (const [level, word] of levels.entries()) {
    const fault = levelFault(word, level, levels.length, topicFields);
    if (fault !== null) faults.push({ ...fault, within });
    else if (word.startsWith('{')) topicFields.push({ field: word.slice(1, -1), level });
    within += word.length + 1;
  }
  if (faults.length > 0) return { source: null, faults };
  const filter = levels.map((word) => (word.startsWith('{') ? '+' : word)).join('/');
  return { source: { from, filter, topicFields }, faults };
}

function levelFault(
  word: string,
  level: number,
  levels: number,
  before: SourceSpec['topicFields'],
): Omit<PatternFault, 'within'> | null {
  // A leading slash is a habit of some devices; elsewhere an empty level is a slip.
  if (word === '' && (level > 0 || levels === 1))
    return { message: 'the topic has an empty level', suggestion: 'take out the extra /' };
  if (/[\p{Cc}]/u.test(word)) return { message: 'the topic has a control character', suggestion: null };
  if (!/[{}]/.test(word)) return null;
  if (!PLACEHOLDER.test(word)) {
    return {
      message: `${quoted(word)} is no level of a topic`,
      suggestion: 'braces take a whole level and hold one name: {meter}',
    };
  }
  const taken = whyTaken(word.slice(1, -1));
  if (taken !== null) {
    return {
      message: `a level cannot be called ${quoted(word.slice(1, -1))}: ${taken}`,
      suggestion: 'give it another name',
    };
  }
  if (before.some(({ field }) => field === word.slice(1, -1))) {
    return { message: `the topic has ${quoted(word)} twice`, suggestion: 'give each level its own name' };
  }
  return null;
}

/** A topic that both filters match, or null. Without `#`, they overlap when every pair of levels can be equal. */
export function overlap(one: string, other: string): string | null {
  const ones = one.split('/');
  const others = other.split('/');
  if (ones.length !== others.length) return null;
  const topic: string[] = [];
  for (const [level, word] of ones.entries()) {
    if (word !== '+' && others[level] !== '+' && word !== others[level]) return null;
    if (word !== '+') topic.push(word);
    else topic.push(others[level] === '+' ? 'x' : others[level]);
  }
  return topic.join('/');
}
