import { WeirError } from '@weir/node/contract';
import type { FastifySchemaCompiler } from 'fastify';
import type { TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { didYouMean, quoted } from '../fault/suggest.ts';

/** Parameters whose names carry a field of the stream, `where.state=NY,CA`. */
export const WHERE = 'where.';

/**
 * Checks what came in against a route's schema, and names the parameter at fault. Parameters that the schema does not
 * know are faults too: a misspelt filter that is ignored gives an answer to another question.
 */
export const compileCheck: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema);
  const known = Object.keys((schema as TObject).properties ?? {});
  const takesWhere = 'x-takes-where' in schema;
  return (value: unknown) => {
    const given = (value ?? {}) as Record<string, unknown>;
    if (httpPart === 'querystring') {
      const fault = strayParameter(given, known, takesWhere);
      if (fault) return { error: fault };
    }
    const converted = httpPart === 'body' ? value : Value.Convert(schema, given);
    if (compiled.Check(converted)) return { value: converted };
    return { error: firstFault(compiled.Errors(converted), given) };
  };
};

function strayParameter(
  given: Record<string, unknown>,
  known: string[],
  takesWhere: boolean,
): WeirError | null {
  for (const name of Object.keys(given)) {
    if (takesWhere && name.startsWith(WHERE) && name.length > WHERE.length) continue;
    if (!known.includes(name)) {
      return new WeirError('WEIR_BAD_QUESTION', `There is no parameter ${quoted(name)}.`, {
        field: name.slice(0, 64),
        suggestion: didYouMean(name, takesWhere ? [...known, 'where.FIELD'] : known),
      });
    }
    if (Array.isArray(given[name])) {
      return new WeirError('WEIR_BAD_QUESTION', `The parameter ${name} is given more than once.`, {
        field: name,
        suggestion: 'Separate several values by commas.',
      });
    }
  }
  return null;
}

interface SchemaFault {
  keyword: string;
  instancePath: string;
  message: string;
  params: object;
}

function firstFault(faults: SchemaFault[], given: Record<string, unknown>): WeirError {
  const first = faults[0];
  const missing = first.keyword === 'required' ? (first.params as { requiredProperties?: string[] }) : {};
  const field = missing.requiredProperties?.[0] ?? first.instancePath.split('/')[1] ?? 'body';
  const message = missing.requiredProperties
    ? `The parameter ${field} is missing.`
    : `The parameter ${field} ${first.message}, and is ${quoted(String(given[field] ?? ''))}.`;
  return new WeirError('WEIR_BAD_QUESTION', message, { field });
}
