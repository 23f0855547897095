// The commands of operators, one by one and in the shell, which a person uses at a terminal: tmux is that terminal here.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { program, run, slowness } from './processes.mjs';

/// A terminal of 150 columns and 40 rows with the shell in it.
export class Terminal {
  static async open(t, admin, variables = {}) {
    const terminal = new Terminal();
    terminal.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-shell-'));
    terminal.socket = path.join(terminal.folder, 'tmux');
    t.after(async () => {
      await terminal.tmux('kill-server').catch(() => {});
      rmSync(terminal.folder, { recursive: true, force: true });
    });
    const environment = { XDG_STATE_HOME: terminal.folder, PAGER: '', ...variables };
    const set = Object.entries(environment).map(([name, value]) => `${name}='${value}'`).join(' ');
    await terminal.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '150', '-y', '40', `env ${set} ${program('holdfast')} shell --admin ${admin}`);
    await terminal.shows(/^(n\d|\(no answer\)).*> *$/m);
    return terminal;
  }

  async tmux(...words) {
    const done = await run('tmux', ['-S', this.socket, ...words]);
    assert.equal(done.code, 0, `tmux ${words.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  screen() { return this.tmux('capture-pane', '-p'); }

  async shows(what, ms = 20_000) {
    for (const end = Date.now() + ms * slowness; ; await sleep(50)) {
      const screen = await this.screen();
      if (what.test(screen)) return screen;
      if (Date.now() > end) assert.fail(`there is no ${what} on the screen:\n${screen}`);
    }
  }

  type(...keys) { return this.tmux('send-keys', ...keys); }

  /// Presses Tab until that shows what it should: a node may be slow to say what there is.
  async completes(what) {
    for (const end = Date.now() + 20_000 * slowness; Date.now() < end; await sleep(500)) {
      await this.type('Tab');
      await sleep(200);
      if (what.test(await this.screen())) return;
    }
    await this.shows(what, 0);
  }

  /// Types a command on a clean screen, and waits until it has shown something.
  async does(command, what, ms) {
    await this.tmux('send-keys', 'C-l');
    await this.tmux('send-keys', '-l', command);
    await this.type('Enter');
    return this.shows(what, ms);
  }
}

export const holdfast = (node, ...words) => run(program('holdfast'), [...words, '--admin', node.admin]);

/// The command, which has to end so.
export async function ends(code, node, ...words) {
  const done = await holdfast(node, ...words);
  assert.equal(done.code, code, `${words.join(' ')}\n${done.stdout}\n${done.stderr}`);
  return done;
}
