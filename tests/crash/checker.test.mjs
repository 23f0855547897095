// Each rule of the checker, seen to pass what is right and to find what is wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, rules, summary } from './checker.mjs';

const progress = (n, token = 's0.1') => ({ method: 'notifications/progress', params: { progressToken: token, progress: n, total: 3 } });
const event = (at, id, message) => ({ at, id, message });
const log = (key) => ({ method: 'notifications/message', params: { level: 'info', data: key } });
const answer = (id) => ({ id, result: {} });
const asking = (key) => ({ id: 7, method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: key } }] } });

/// A run with nothing wrong in it: a slow call that is resumed after a crash, a counter, a read that is made again, a
/// call that asks, and one that was cut off. `change` makes something wrong with it.
function run(change = () => {}) {
  const call = (number, tool, more) => ({
    session: 's0', key: `s0.${number}`, id: number, tool, upstream: 'http', args: {}, started: 100, ended: 900,
    attempts: [{ at: 100, how: 'post', ended: 'broken' }, { at: 400, how: 'post', ended: 'answered', status: 200 }],
    events: [], outcomes: [{ at: 900, id: number, kind: 'result', text: `s0.${number}: done` }], ...more,
  });
  const slow = call(1, 'slow', {
    args: { steps: 3 },
    events: [event(110, '1-1-a'), event(120, '1-2-a', progress(1)), event(410, '1-3-a', progress(2)), event(500, '1-4-a', progress(3)), event(900, '1-5-a', answer(1))],
  });
  const count = call(2, 'count');
  const quick = call(3, 'quick', { args: { say: true } });
  const ask = call(4, 'ask', { events: [event(150, '2-1-a', asking('s0.4')), event(900, '2-2-a', answer(4))] });
  const cut = call(5, 'count_slow', { outcomes: [{ at: 900, id: 5, kind: 'interrupted' }] });
  const client = {
    name: 's0', sampling: true, initialized: 1, openings: [{ at: 90, until: 95, ended: 'refused' }, { at: 190, until: 210, ended: 'broken' }, { at: 220, until: 230 }],
    left: { at: 1000, afterwards: 404 }, alive: true, hears: true, calls: [slow, count, quick, ask, cut], troubles: [],
    told: [{ at: 160, session: 's0', key: 's0.4', text: 'told', taken: true }],
    streams: [{ session: 's0', attempts: [], events: [event(100, '0-1-a'), event(300, '0-2-a', log('s0.3'))] }],
  };
  const ran = (key, more) => [{ what: 'executed', key, ...more }, { what: 'returned', key, text: `${key}: done` }];
  const executions = [
    ...ran('s0.1'), ...ran('s0.2'), ...ran('s0.3'), ...ran('s0.3'), { what: 'executed', key: 's0.4' },
    { what: 'told', key: 's0.4', text: 'told' }, { what: 'returned', key: 's0.4', text: 's0.4: done' },
  ];
  const whole = { clients: [client], executions, crashes: [{ at: 200, back: 300, why: 'random' }], config: { retriesReadOnly: true, says: true } };
  const owner = (at, epoch, incarnation) => ({ at, slot: 3, epoch, incarnation });
  whole.owners = [owner(10, 1, 'a'), owner(300, 1, ''), owner(310, 2, 'b'), owner(500, 4, 'a')];
  const commit = (sequence, epoch, incarnation) => ({ entity: 'session/s0', slot: 3, sequence, epoch, incarnation });
  whole.commits = [commit(1, 1, 'a'), commit(2, 1, 'a'), commit(3, 2, 'b'), commit(3, 2, 'b'), commit(4, 4, 'a')];
  whole.rest = { slots: { took: 100, limit: 2000 } };
  Object.assign(whole, { ends: [], deaths: [], hung: [], left: [], memory: [{ node: 'n1', bytes: 5, limit: 5 }] });
  change({ whole, client, slow, count, quick, ask, cut, executions });
  return whole;
}

const forget = (list, fits) => list.splice(0, list.length, ...list.filter((item) => !fits(item)));

/// What goes against each rule.
const wrongs = {
  'every call has one outcome': [
    ({ count }) => { count.outcomes = []; },
    ({ count }) => { count.outcomes.push(count.outcomes[0]); },
  ],
  'an outcome carries the id of its request': [({ count }) => { count.outcomes[0].id = '2'; }],
  'a call ends in a result or is interrupted': [
    ({ count }) => { count.outcomes[0].kind = 'error'; },
    ({ count }) => { count.outcomes[0].kind = 'tool error'; },
  ],
  'a call with a result was executed': [
    ({ executions }) => forget(executions, (e) => e.key === 's0.2' && e.what === 'executed'),
    ({ executions }) => forget(executions, (e) => e.key === 's0.3' && e.what === 'executed'),
  ],
  'nothing is executed twice': [
    ({ executions }) => executions.push({ what: 'executed', key: 's0.2' }),
    ({ executions }) => executions.push({ what: 'executed', key: 's0.1' }),
    ({ executions }) => executions.push({ what: 'executed', key: 's0.5' }, { what: 'executed', key: 's0.5' }),
    ({ whole }) => { whole.config.retriesReadOnly = false; },
  ],
  'a result is what the upstream returned': [({ count }) => { count.outcomes[0].text = 's0.3: done'; }],
  'interrupted is only what a crash may have cut off': [
    ({ whole }) => { whole.crashes = []; },
    ({ whole }) => { whole.crashes[0].at = 50; },
    ({ whole }) => { whole.crashes[0].at = 950; },
    // The node that crashed had refused the call, so it had no intent.
    ({ cut }) => { cut.attempts[0].ended = 'refused'; },
    ({ cut }) => { cut.attempts[0].ended = 'unavailable'; },
  ],
  'a read is made again': [({ quick }) => { quick.outcomes[0].kind = 'interrupted'; }],
  'what can be resumed is resumed': [
    ({ slow }) => { slow.outcomes[0].kind = 'interrupted'; },
    ({ ask }) => { ask.outcomes[0].kind = 'interrupted'; },
  ],
  'event ids rise within a stream': [
    ({ slow }) => { slow.events[3].id = '1-3-a'; },
    ({ slow }) => { slow.events[3].id = '1-2-a'; },
    ({ slow }) => slow.events.splice(2, 0, event(400, '1-1-a')),
    ({ client }) => { client.streams[0].events.reverse(); },
  ],
  'a call keeps to one stream': [({ slow }) => { slow.events[2].id = '3-3-a'; }],
  'no event comes twice': [({ slow }) => slow.events.push(slow.events[1]), ({ client }) => client.streams[0].events.push(client.streams[0].events[1])],
  'progress comes in order, each step once': [
    ({ slow }) => { slow.events[2].message = progress(1); },
    ({ slow }) => { [slow.events[1].message, slow.events[2].message] = [progress(2), progress(1)]; },
  ],
  'no progress is lost': [
    ({ slow }) => { slow.events[2].message = undefined; },
    ({ slow }) => { slow.events[3].message = undefined; },
  ],
  'what belongs to a call comes on its stream': [
    ({ slow }) => { slow.events[2].message = progress(2, 's0.9'); },
    ({ ask }) => { ask.events[0].message = asking('s0.9'); },
    ({ client }) => client.streams[0].events.push(event(350, '0-3-a', progress(2))),
  ],
  'an answer that was taken reaches the upstream': [({ executions }) => forget(executions, (e) => e.what === 'told')],
  'the client is asked no more than the node crashed': [({ client }) => client.told.push(client.told[0], client.told[0])],
  'epochs of a slot never fall': [({ whole }) => whole.owners.push({ at: 600, slot: 3, epoch: 3, incarnation: 'b' })],
  'a slot changes hands with its epoch': [
    ({ whole }) => whole.owners.push({ at: 600, slot: 3, epoch: 4, incarnation: 'b' }),
    ({ whole }) => { whole.commits[4].incarnation = 'b'; },
  ],
  'a sequence of an entity has one owner': [({ whole }) => { whole.commits[3].epoch = 4; }],
  'owners of an entity follow one another': [({ whole }) => { whole.commits[4].epoch = 1; }],
  'nobody who is dead takes a slot from the living': [({ whole }) => { whole.owners[3].robs = true; }],
  'a session that was ended stays so': [({ client }) => { client.left.afterwards = 200; }],
  'nothing is left of sessions that were ended': [({ whole }) => whole.left.push('a key')],
  'memory comes back': [({ whole }) => { whole.memory[0].bytes = 6; }],
  'an initialize is cut only with its node': [
    ({ client }) => { client.openings[1].until = 195; },
    ({ whole }) => { whole.crashes[0].at = 215; },
  ],
  'all is well again soon': [({ whole }) => { whole.rest.slots.took = 2001; }],
  'nothing hangs': [({ whole }) => whole.hung.push('the load')],
  'no node ends by itself': [({ whole }) => whole.ends.push({ node: 'n1', how: 'SIGABRT' })],
  'nobody is dead who was well': [({ whole }) => whole.deaths.push({ at: 100, node: 'n1', by: 'n2' })],
  'no resumption is refused': [({ client }) => client.troubles.push({ session: 's0', what: 'a stream was not resumed', status: 400 })],
  'every session lives': [({ client }) => { client.alive = false; }],
  'every own stream lives': [({ client }) => { client.hears = false; }],
  'nobody initializes again': [({ client }) => { client.initialized = 2; }],
  'logs come once and in order': [
    ({ client }) => client.streams[0].events.push(event(350, '0-3-a', log('s0.3')), event(360, '0-4-a', log('s0.3'))),
    ({ client }) => client.streams[0].events.push(event(350, '0-3-a', log('s0.2')), event(360, '0-4-a', log('s0.1'))),
  ],
  'logs outside calls arrive': [({ client }) => client.streams[0].events.pop()],
};

test('a run with nothing wrong in it violates no rule', () => {
  assert.deepEqual(check(run()), []);
  assert.match(summary(run()), /5 calls .* 1 crashes; .* 1 interrupted .* 1 of them never ran/);
});

test('what a rule allows for is allowed', () => {
  for (const allowed of [
    ({ slow }) => slow.events.splice(2, 0, event(400, '1-2-a')),  // begins a connection
    ({ slow }) => { slow.outcomes[0].kind = 'interrupted'; slow.events = slow.events.slice(0, 1); },  // nothing came of it yet
    ({ slow }) => { slow.upstream = 'stdio'; slow.outcomes[0].kind = 'interrupted'; },  // its upstream ended with the node
    ({ slow }) => { slow.upstream = 'stdio'; slow.events.splice(2, 1); },
    ({ client }) => client.streams[0].events.push(event(350, '0-3-a', log('s0.3'))),  // the read was made twice
    ({ client }) => client.told.push(client.told[0]),  // once more after the crash
    ({ client, executions }) => { client.told[0].taken = false; forget(executions, (e) => e.what === 'told'); },
    ({ whole, client }) => { client.openings = []; whole.crashes = [{ at: 0, until: 150, why: 'frozen' }]; },  // it was declared dead in between
    ({ client }) => { client.alive = undefined; client.visits = true; },
    ({ client }) => { client.left = { attempts: [] }; },  // was not acknowledged
    ({ cut }) => Object.assign(cut.attempts[0], { ended: 'unavailable', held: true }),  // after it had been sent to another node
  ]) assert.deepEqual(check(run(allowed)), []);
});

describe('the rule is seen to fail:', () => {
  for (const rule of Object.keys(rules)) {
    test(rule, () => {
      assert.ok(wrongs[rule]?.length, 'there is no example of what it forbids');
      for (const wrong of wrongs[rule]) {
        const found = check(run(wrong)).filter((violation) => violation.rule === rule);
        assert.ok(found.length, `not found: ${wrong}`);
      }
    });
  }
});
