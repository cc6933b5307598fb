import { hashText } from '../contract/measures/sketch/stable-hash.ts';

/** Hashes of the texts of one section's dictionaries, made once for each text and not once for each reading. */
export class TextHashes {
  readonly #known = new Map<string[], Float64Array>();

  /** The next section has dictionaries of its own. */
  forget(): void {
    this.#known.clear();
  }

  /** At 1 + the place in the dictionary; NaN at 0, which stands for no text. */
  of(dictionary: string[]): Float64Array {
    let hashes = this.#known.get(dictionary);
    if (hashes === undefined) {
      hashes = new Float64Array(dictionary.length + 1);
      hashes[0] = Number.NaN;
      for (let at = 0; at < dictionary.length; at++) hashes[at + 1] = hashText(dictionary[at]);
      this.#known.set(dictionary, hashes);
    }
    return hashes;
  }
}
