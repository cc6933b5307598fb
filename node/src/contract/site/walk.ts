import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { nearest } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { choice, quoted } from './faults.ts';
import { scalarFault } from './scalars.ts';
import type { SchemaNode } from './schema-node.ts';
import { whyReserved } from './taken-names.ts';

/** Nodes that are looked at, aliases expanded: a bound on what a small file can unfold to. */
const VISITS_MAX = 50_000;

/**
 * Walks the document along the schema and answers plain values with defaults filled in; what is faulty is reported
 * and left out. Only keys that the schema knows are followed, so the schema bounds the depth whatever is nested or
 * aliased, and a key such as `__proto__` never becomes a property of anything.
 */
export class Walk {
  readonly #targets: Map<Alias, Node | undefined>;
  readonly #faults: FaultList;
  #visits = 0;

  constructor(document: Document, faults: FaultList) {
    this.#targets = aliasTargets(document);
    this.#faults = faults;
  }

  value(schema: SchemaNode, given: Node | null, path: string): unknown {
    if (++this.#visits > VISITS_MAX) {
      if (this.#visits === VISITS_MAX + 1)
        this.#faults.atOffset(0, '', 'the file unfolds to too much', 'use fewer aliases');
      return undefined;
    }
    const node = isAlias(given) ? this.#targets.get(given) : given;
    if (isAlias(given) && node === undefined) {
      return this.#fault(given, path, `nothing has the anchor ${quoted(given.source)}`);
    }
    if (schema.anyOf !== undefined) return this.#union(schema, node, path);
    if (schema.properties !== undefined)
      return isMap(node) ? this.#object(schema, node, path) : this.#kind(schema, node, path);
    if (schema.patternProperties !== undefined) {
      return isMap(node) ? this.#record(schema, node, path) : this.#kind(schema, node, path);
    }
    if (schema.type === 'array')
      return isSeq(node) ? this.#array(schema, node.items, node, path) : this.#kind(schema, node, path);
    return isScalar(node) ? this.#scalar(schema, node, path) : this.#kind(schema, node, path);
  }

  #scalar(schema: SchemaNode, node: Scalar, path: string): unknown {
    const fault = scalarFault(schema, node.value, path);
    if (fault === null) return node.value;
    return this.#fault(node, path, fault.message, fault.suggestion);
  }

  /** Chosen by the shape of what is there, so that the fault is about the form that the author meant. */
  #union(schema: SchemaNode, node: unknown, path: string): unknown {
    const branches = schema.anyOf ?? [];
    const wanted = isMap(node) ? 'map' : isSeq(node) ? 'list' : 'scalar';
    const fitting = branches.find((branch) => branch.const === undefined && shapeOf(branch) === wanted);
    if (fitting !== undefined) return this.value(fitting, node as Node, path);
    if (isScalar(node)) return this.#scalar(schema, node, path);
    return this.#kind(schema, node, path);
  }

  #object(schema: SchemaNode, node: YAMLMap, path: string): unknown {
    const properties = schema.properties ?? {};
    const values: Record<string, unknown> = Object.create(null);
    const pairs = this.#pairs(node, path);
    for (const [key, pair] of pairs) {
      if (!Object.hasOwn(properties, key)) this.#unknownKey(schema, key, pair, path);
      else values[key] = this.#child(properties[key], key, pair, path);
    }
    for (const [key, property] of Object.entries(properties)) {
      if (pairs.has(key)) continue;
      if (schema.required?.includes(key)) {
        this.#fault(node, path, `${nameOf(path)} needs ${quoted(key)}`, sentence(property.description));
      } else if (property.default !== undefined) values[key] = withDefaults(property);
    }
    return values;
  }

  #record(schema: SchemaNode, node: YAMLMap, path: string): unknown {
    const [pattern, item] = Object.entries(schema.patternProperties ?? {})[0];
    const kind = schema['x-kindOfName'] ?? 'name';
    const values: Record<string, unknown> = Object.create(null);
    const pairs = this.#pairs(node, path);
    this.#count(schema.minProperties, schema.maxProperties, pairs.size, node, path, `${kind}s`);
    for (const [key, pair] of [...pairs].slice(0, schema.maxProperties)) {
      // Names end up as properties of plain objects in other programs' hands.
      if (whyReserved(key) !== null)
        this.#keyFault(pair, path, `${quoted(key)} is reserved and cannot name a ${kind}`);
      else if (!new RegExp(pattern).test(key))
        this.#keyFault(pair, path, ...nameFault(kind, key, schema['x-nameIsWritten']));
      else values[key] = this.#child(item, key, pair, path);
    }
    return values;
  }

  #array(schema: SchemaNode, items: unknown[], node: Node, path: string): unknown {
    this.#count(schema.minItems, schema.maxItems, items.length, node, path, 'items');
    return items.slice(0, schema.maxItems).map((item, at) => {
      const itemPath = `${path}.${at}`;
      this.#place(itemPath, item as Node, item as Node);
      return this.value(schema.items ?? {}, item as Node, itemPath);
    });
  }

  #child(schema: SchemaNode, key: string, pair: Pair, path: string): unknown {
    const childPath = path === '' ? key : `${path}.${key}`;
    this.#place(childPath, pair.key as Node, (pair.value ?? pair.key) as Node);
    return this.value(schema, pair.value as Node | null, childPath);
  }

  /** By key, in the order of the file. Keys that are no words, or stand there twice, are reported and left out. */
  #pairs(node: YAMLMap, path: string): Map<string, Pair> {
    const pairs = new Map<string, Pair>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : null;
      const first = key === null ? undefined : pairs.get(key);
      if (key === null) this.#keyFault(pair, path, `a key of ${nameOf(path)} must be a plain word`);
      else if (first === undefined) pairs.set(key, pair);
      else {
        const line = this.#faults.lineOf(offsetOf(first.key as Node));
        this.#keyFault(
          pair,
          path,
          `${quoted(key)} stands twice in ${nameOf(path)}`,
          `the first is on line ${line}`,
        );
      }
    }
    return pairs;
  }

  #unknownKey(schema: SchemaNode, key: string, pair: Pair, path: string): void {
    if (schema['x-notYet']?.includes(key)) {
      this.#keyFault(pair, path, `${quoted(key)} in ${nameOf(path)} is not supported yet`, 'leave it out');
      return;
    }
    const known = Object.keys(schema.properties ?? {});
    const near = nearest(key, known);
    const suggestion = near === null ? `it may have ${known.join(', ')}` : `did you mean ${quoted(near)}?`;
    this.#keyFault(pair, path, `unknown key ${quoted(key)} in ${nameOf(path)}`, suggestion);
  }

  #count(
    min: number | undefined,
    max: number | undefined,
    count: number,
    node: Node,
    path: string,
    what: string,
  ): void {
    if (min !== undefined && count < min)
      this.#fault(node, path, `${nameOf(path)} is empty`, `name at least ${min}`);
    if (max !== undefined && count > max)
      this.#fault(node, path, `${nameOf(path)} has ${count} ${what}`, `at most ${max} are possible`);
  }

  #kind(schema: SchemaNode, node: unknown, path: string): undefined {
    const found = isMap(node) ? 'a map' : isSeq(node) ? 'a list' : 'a single value';
    const empty = node === null || node === undefined || (isScalar(node) && node.value === null);
    const shapes = [...new Set((schema.anyOf ?? [schema]).map(shapeOf))].map((shape) => SHAPES[shape]);
    const message = empty ? `${nameOf(path)} is empty` : `${nameOf(path)} is ${found}`;
    const suggestion = `it must be ${choice(shapes)}`;
    if (isMap(node) || isSeq(node) || isScalar(node)) return this.#fault(node, path, message, suggestion);
    this.#faults.at(path, message, suggestion);
  }

  #place(path: string, key: Node, value: Node): void {
    const plain = isScalar(value) && value.type === 'PLAIN';
    this.#faults.place(path, { key: offsetOf(key), value: offsetOf(value), plain });
  }

  #keyFault(pair: Pair, path: string, message: string, suggestion: string | null = null): void {
    this.#faults.atOffset(offsetOf(pair.key as Node), path, message, suggestion);
  }

  #fault(node: Node, path: string, message: string, suggestion: string | null = null): undefined {
    this.#faults.atOffset(offsetOf(node), path, message, suggestion);
  }
}

/** An alias stands for the latest node before it that has its anchor. Asking the library for each visits all, each time. */
function aliasTargets(document: Document): Map<Alias, Node | undefined> {
  const anchored = new Map<string, Node>();
  const targets = new Map<Alias, Node | undefined>();
  visit(document, {
    Alias: (_, alias) => {
      targets.set(alias, anchored.get(alias.source));
    },
    Value: (_, node) => {
      if (node.anchor !== undefined) anchored.set(node.anchor, node);
    },
  });
  return targets;
}

type Shape = 'map' | 'list' | 'scalar';
const SHAPES: Record<Shape, string> = { map: 'a map', list: 'a list', scalar: 'a single value' };

function shapeOf(schema: SchemaNode): Shape {
  if (schema.properties !== undefined || schema.patternProperties !== undefined) return 'map';
  if (schema.anyOf !== undefined) return shapeOf(schema.anyOf[0]);
  return schema.type === 'array' ? 'list' : 'scalar';
}

function offsetOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

export function nameOf(path: string): string {
  return path === '' ? 'the file' : path;
}

function sentence(description: string | undefined): string | null {
  return description === undefined ? null : description.replace(/\.$/, '');
}

function nameFault(kind: string, key: string, written?: string): [message: string, suggestion: string] {
  if (kind === 'tier')
    return [`${quoted(key)} is no width of a tier`, 'write a number and a unit, such as 15m, 1h or 1mo'];
  const suggestion = written ?? 'use a letter, then letters, digits and _, at most 63';
  return [`${quoted(key)} cannot name a ${kind}`, suggestion];
}

/** The default of a map is its own keys' defaults. */
function withDefaults(schema: SchemaNode): unknown {
  if (schema.properties === undefined) return structuredClone(schema.default);
  const values: Record<string, unknown> = Object.create(null);
  for (const [key, property] of Object.entries(schema.properties)) {
    if (property.default !== undefined) values[key] = withDefaults(property);
  }
  return values;
}
