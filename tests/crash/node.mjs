// The node under test: on one port for its whole life, killed and started again at will.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, Process, program, waitFor } from '../integration/support/processes.mjs';

/// Whether holdfastd was built with the hooks that this suite aims with.
export const hasHooks = () => readFileSync(program('holdfastd')).includes('HOLDFAST_TEST_CRASH_AT');

/// Where nodes with hooks note the commits that they take for durable.
export const commitsFile = (folder) => path.join(folder, 'commits');

/// Wanted where others than those of this machine could ask.
const adminToken = 'a-token-of-the-operator';

const sanitizerReport = /(AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:)/;

export class Node {
  crashes = [];
  output = '';

  /// `config` is one of holdfastd's, but for the addresses. `hooks` are variables for every start. It listens at `host`; its
  /// command line begins with `enter`.
  static async create(folder, config, hooks = {}, name = 'node', { host = '127.0.0.1', enter = [] } = {}) {
    const node = new Node();
    Object.assign(node, { name, host, enter });
    node.hooks = { HOLDFAST_TEST_COMMITS: commitsFile(folder), ...hooks };
    node.port = await freePort();
    node.file = path.join(folder, `${name}.yaml`);
    const addresses = { listen: `${host}:${node.port}`, admin: { listen: `${host}:0`, token: adminToken } };
    // JSON is YAML.
    writeFileSync(node.file, JSON.stringify({ ...config, ...addresses }, null, 1));
    return node;
  }

  /// Starts it and waits until it serves, or has killed or stopped itself as `aim` wants (HOLDFAST_TEST_CRASH_AT, _STOP_AT).
  async start(aim) {
    const env = { ...process.env, ...this.hooks, ...aim };
    const [command, ...args] = [...this.enter, program('holdfastd'), '--config', this.file];
    this.process = new Process(command, args, { env });
    await waitFor('the node to serve', () => {
      const ready = /^holdfastd ready/m.test(this.process.stdout);
      const ended = this.process.exit !== undefined;
      if (ended && !ready && !aim) throw new Error(`the node did not start: ${JSON.stringify(this.process.exit)}\n${this.process.stderr.slice(-4000)}`);
      return ready || ended || (aim && this.process.stands());
    }, 20_000);
    const last = this.crashes.at(-1);
    if (last) last.back ??= Date.now();
  }

  /// What it says of itself.
  async health() {
    const [, admin] = /^holdfastd ready mcp=\S+ admin=(\S+)$/m.exec(this.process.stdout);
    return (await fetch(`${admin}/mcp/health`, { headers: { authorization: `Bearer ${adminToken}` } })).json();
  }

  keepOutput() {
    this.output += `${this.process.stdout}${this.process.stderr}\n`;
    if (sanitizerReport.test(this.process.stderr)) throw new Error(`a sanitizer reported:\n${this.process.stderr.slice(0, 8000)}`);
  }

  /// kill -9.
  async crash(why = 'random') {
    this.crashes.push({ at: Date.now(), why });
    await this.process.kill();
    this.keepOutput();
  }

  /// Waits until it has killed itself at a point that it was started with. False if it has not come there in time.
  async crashesItself(why, ms) {
    let timer;
    const late = new Promise((done) => { timer = setTimeout(done, ms, false); });
    const how = await Promise.race([this.process.exited, late]);
    clearTimeout(timer);
    if (!how) return false;
    this.crashes.push({ at: Date.now(), why });
    this.keepOutput();
    if (how.signal !== 'SIGKILL') throw new Error(`the node ended by itself: ${JSON.stringify(how)}\n${this.process.stderr.slice(-4000)}`);
    return true;
  }

  /// Waits until it has stopped itself at a point that it was started with.
  stopsItself(ms) { return waitFor('the node to stop itself', () => this.process.stands(), ms); }

  /// Asks it to end, as an operator would.
  async stop() {
    if (!this.process || this.process.exit) return;
    this.process.signal('SIGTERM');
    await this.process.ends(30_000);
    this.keepOutput();
  }

  async abandon() { await this.process?.kill(); }
}
