import { getOrMake } from './get-or-make.ts';

/** One client's subscription as the index finds it. */
export interface IndexedSubscription {
  clientId: string;
  topic: string;
  qos: number;
  /** Of MQTT 5; carried along for the protocol library. */
  rh?: number;
  rap?: boolean;
  nl?: boolean;
}

interface Node {
  below: Map<string, Node>;
  here: Map<string, IndexedSubscription>;
}

const newNode = (): Node => ({ below: new Map(), here: new Map() });

/**
 * Subscriptions by the levels of their filters: a match walks the topic's levels and the two wildcards, so that its
 * cost does not grow with the number of subscriptions. Bounded by the filters of all sessions.
 */
export class FilterIndex {
  readonly #root = newNode();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(subscription: IndexedSubscription): void {
    let node = this.#root;
    for (const level of subscription.topic.split('/')) node = getOrMake(node.below, level, newNode);
    if (!node.here.has(subscription.clientId)) this.#size++;
    node.here.set(subscription.clientId, subscription);
  }

  remove(clientId: string, filter: string): void {
    const path: Node[] = [this.#root];
    const levels = filter.split('/');
    for (const level of levels) {
      const next = path[path.length - 1].below.get(level);
      if (!next) return;
      path.push(next);
    }
    if (path[levels.length].here.delete(clientId)) this.#size--;
    for (let i = levels.length; i > 0 && path[i].here.size === 0 && path[i].below.size === 0; i--)
      path[i - 1].below.delete(levels[i - 1]);
  }

  /** One subscription a client: the one of the highest QoS. */
  match(topic: string): IndexedSubscription[] {
    if (this.#size === 0) return [];
    const best = new Map<string, IndexedSubscription>();
    collect(this.#root, topic.split('/'), 0, best);
    return [...best.values()];
  }
}

function collect(
  node: Node,
  levels: readonly string[],
  depth: number,
  best: Map<string, IndexedSubscription>,
): void {
  // [MQTT-4.7.2-1]: wildcards at the first level leave out what begins with `$`.
  const wild = depth > 0 || !levels[0].startsWith('$');
  const rest = wild ? node.below.get('#') : undefined;
  if (rest) take(rest, best);
  if (depth === levels.length) {
    take(node, best);
    return;
  }
  const one = wild ? node.below.get('+') : undefined;
  if (one) collect(one, levels, depth + 1, best);
  const same = node.below.get(levels[depth]);
  if (same) collect(same, levels, depth + 1, best);
}

function take(node: Node, best: Map<string, IndexedSubscription>): void {
  for (const subscription of node.here.values()) {
    const known = best.get(subscription.clientId);
    if (!known || known.qos < subscription.qos) best.set(subscription.clientId, subscription);
  }
}
