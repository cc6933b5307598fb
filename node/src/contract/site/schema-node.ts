/** What the walk reads of the schema: JSON Schema, and the three words that `schema.ts` adds. */
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
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  default?: unknown;
  description?: string;
  'x-kind'?: string;
  'x-kindOfName'?: string;
  'x-notYet'?: string[];
}
