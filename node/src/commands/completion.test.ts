import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { bash, fish, zsh } from './completion.ts';
import { documentedOf, optionsIn } from './documented.ts';
import { manual } from './man.ts';

const print = (text: string) => async () => {
  process.stdout.write(text);
  return 0;
};
const list = await documentedOf({
  up: {
    summary: "Runs the site's appliance: all of it.",
    run: print('weir up [SITE]\n  --data DIR  where\n  -h, --help  this\n'),
  },
  check: { summary: 'Reads a file.', run: print('.begins with a dot and has a back\\slash\n') },
});

test('options are those that the help names', () => {
  expect(optionsIn(list[0].help)).toEqual(['--data', '--help']);
  expect(optionsIn('[--ca FILE] --ca, a--b and --2x')).toEqual(['--ca']);
});

test('bash takes what is printed, and completes commands and options', () => {
  const ask = (...words: string[]) => {
    const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _weir; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-euc', `${bash(list)}\n${line}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  };
  expect(ask('weir', '')).toEqual(['up', 'check']);
  expect(ask('weir', 'c')).toEqual(['check']);
  expect(ask('weir', 'up', '--d')).toEqual(['--data']);
});

test('descriptions keep the quotes of zsh and fish whole', () => {
  expect(zsh(list)).toContain("'up:Runs the site’s appliance – all of it.'");
  expect(fish(list)).toContain("-a up -d 'Runs the site’s appliance – all of it.'");
  expect(fish(list)).toContain("'__fish_seen_subcommand_from up' -l data");
});

test('the manual has every command, with what roff would take for its own made plain', () => {
  const page = manual('1.2.3', list);
  expect(page).toContain('.SS weir up\n.nf\nweir up [SITE]');
  expect(page).toContain('\\&.begins with a dot and has a back\\eslash');
  expect(page).toContain('\\-\\-data DIR');
});
