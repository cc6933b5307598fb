/** What the walk reads of the schema: JSON Schema, and the words that schemas here add. */
export interface SchemaNode {
  type?: string;
  const?: unknown;
  anyOf?: SchemaNode[];
  properties?: Record<string, SchemaNode>;
  patternProperties?: Record<string, SchemaNode>;
  required?: string[];
  items?: SchemaNode;
  pattern?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  default?: unknown;
  description?: string;
  'x-kind'?: string;
  /** What a text of a kind that only one schema has is called in a fault, and how it is written. */
  'x-says'?: { is: string; write: string };
  'x-kindOfName'?: string;
  /** How such a name is written, where it is no plain word. */
  'x-nameIsWritten'?: string;
  'x-notYet'?: string[];
}
