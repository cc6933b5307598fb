export * from './api/answers.ts';
export * from './api/questions.ts';
export * from './errors.ts';
export * from './limits.ts';
export * from './reading/section.ts';
export * from './reading/shard-of.ts';
export * from './site/model.ts';
