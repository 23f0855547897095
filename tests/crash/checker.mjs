// What must be true of a run, whatever was killed in it. Pure functions over records:
//
//   clients     Client.record of each: {name, initialized, openings, calls, streams, told, troubles}, and at the end `alive`
//               and `hears`: it answered a ping, it heard of a change on its own stream; `left`: it ended its session, `at`
//               if that was acknowledged, and what it was told `afterwards`. Who `visits` has not stayed to the end
//   executions  the record of the upstreams, see tools.mjs
//   crashes     [{at, back, why}]: when the node ended, when it served again. In a cluster: what may have ended a node
//               for the others, at some time between `at` and `until`
//   owners      of a cluster: [{at, slot, epoch, incarnation, robs}] whenever the store said something new, see owners.mjs
//   commits     [{entity, slot, sequence, epoch, incarnation}] that a node took for durable, and who it was to the store;
//               none of a build without hooks
//   rest        of a cluster: {slots, sessions}, each {took, limit}: how long it was until all was well again in ms
//   ends        of a cluster: [{node, how}] of processes that ended by themselves
//   hung        of a cluster: texts, what did not end
//   left        of a cluster: texts, what there was of sessions after they had been ended
//   memory      of a cluster: [{node, bytes, limit}] after that
//   deaths      of a cluster: [{at, node, by}] as its nodes saw them, where nothing was done that explains it
//   config      {retriesReadOnly, says}: what the node was told, whether logs outside calls must arrive
//
// A rule returns what violates it, a text each.

const calls = (run) => run.clients.flatMap((client) => client.calls);
const by = (list, of) => list.reduce((map, item) => {
  const same = map.get(of(item));
  if (same) same.push(item);
  else map.set(of(item), [item]);
  return map;
}, new Map());
/// Where each of them stands: lists of [place, item].
const placesOf = (list) => by([...list.entries()], ([, item]) => item);
const shown = (call) => `${call.key} (${call.upstream} ${call.tool})`;
const outcome = (call) => call.outcomes[0];
const done = (what, run) => by(run.executions.filter((e) => e.what === what), (e) => e.key);
const progressOf = (call) => call.events.flatMap(({ message }) => (message?.method === 'notifications/progress' ? [message.params] : []));

/// A read may be repeated; everything else must not be.
const runsOnce = (call, { config }) => !(call.tool === 'quick' && config.retriesReadOnly);

/// True if the node ended while the client waited for this call, of which the node may have known: an intent may exist.
function crashedDuring(call, { crashes }) {
  const known = call.attempts.find((a) => a.ended !== 'refused' && (a.ended !== 'unavailable' || a.held));
  return known !== undefined && overlaps(known.at, outcome(call).at, { crashes });
}

/// True if something ended the node in this time.
function overlaps(from, to, { crashes }) {
  return crashes.some((crash) => (crash.until ?? crash.at) >= from && crash.at <= to);
}

export const rules = {
  'every call has one outcome': (run) => calls(run).flatMap((call) => {
    if (call.outcomes.length === 1) return [];
    return [`${shown(call)} has ${call.outcomes.length} outcomes; attempts ${JSON.stringify(call.attempts.slice(-4))}`];
  }),

  'an outcome carries the id of its request': (run) => calls(run).flatMap((call) =>
    call.outcomes.filter((o) => o.id !== call.id).map((o) => `${shown(call)} with id ${JSON.stringify(call.id)} got an answer to ${JSON.stringify(o.id)}`)),

  'a call ends in a result or is interrupted': (run) => calls(run).flatMap((call) =>
    call.outcomes.filter((o) => !['result', 'interrupted'].includes(o.kind)).map((o) => `${shown(call)}: ${JSON.stringify(o)}`)),

  'a call with a result was executed': (run) => {
    const executed = done('executed', run);
    return calls(run).filter((call) => outcome(call)?.kind === 'result' && !executed.has(call.key)).map(shown);
  },

  'nothing is executed twice': (run) => {
    const executed = done('executed', run);
    return calls(run).flatMap((call) => {
      const times = executed.get(call.key)?.length ?? 0;
      return times > 1 && runsOnce(call, run) ? [`${shown(call)} was executed ${times} times`] : [];
    });
  },

  'a result is what the upstream returned': (run) => {
    const returned = done('returned', run);
    return calls(run).flatMap((call) => {
      if (outcome(call)?.kind !== 'result') return [];
      const texts = (returned.get(call.key) ?? []).map((r) => r.text);
      return texts.includes(outcome(call).text) ? [] : [`${shown(call)}: ${outcome(call).text} instead of ${texts}`];
    });
  },

  'interrupted is only what a crash may have cut off': (run) => calls(run).flatMap((call) => {
    if (outcome(call)?.kind !== 'interrupted' || crashedDuring(call, run)) return [];
    return [`${shown(call)}: ${JSON.stringify(outcome(call))}; attempts ${JSON.stringify(call.attempts)}`];
  }),

  'a read is made again': (run) => calls(run).flatMap((call) =>
    run.config.retriesReadOnly && call.tool === 'quick' && outcome(call)?.kind === 'interrupted' ? [`${shown(call)} is interrupted`] : []),

  'what can be resumed is resumed': (run) => calls(run).flatMap((call) => {
    const resumable = call.upstream === 'http' && ['slow', 'ask'].includes(call.tool);
    const begun = call.events.some(({ message }) => message?.method !== undefined);
    return resumable && begun && outcome(call)?.kind === 'interrupted' ? [`${shown(call)} is interrupted after its first message`] : [];
  }),

  'event ids rise within a stream': (run) => streamsOf(run).flatMap(({ of, events }) => {
    const found = [];
    const last = new Map();
    for (const { id, message } of events) {
      const at = positionOf(id);
      if (!at) continue;
      // What only begins a connection may name the place where it goes on.
      const least = (last.get(at.stream) ?? -1) + (message ? 1 : 0);
      if (at.position < least) found.push(`${of}: ${id} after position ${last.get(at.stream)}`);
      last.set(at.stream, at.position);
    }
    return found;
  }),

  'a call keeps to one stream': (run) => calls(run).flatMap((call) => {
    const streams = new Set(call.events.flatMap(({ id }) => positionOf(id)?.stream ?? []));
    return streams.size > 1 ? [`${shown(call)} was on the streams ${[...streams]}`] : [];
  }),

  'no event comes twice': (run) => streamsOf(run).flatMap(({ of, events }) => {
    const ids = by(events.filter((e) => e.id !== undefined && e.message), (e) => e.id);
    return [...ids].filter(([, same]) => same.length > 1).map(([id, same]) => `${of}: ${id} came ${same.length} times`);
  }),

  'progress comes in order, each step once': (run) => calls(run).flatMap((call) => {
    const steps = progressOf(call).map((p) => p.progress);
    return steps.every((step, i) => i === 0 || step > steps[i - 1]) ? [] : [`${shown(call)}: ${steps}`];
  }),

  'no progress is lost': (run) => {
    const all = by(streamsOf(run).flatMap(({ events }) => events), ({ message }) => belongsTo(message));
    return calls(run).flatMap((call) => {
      if (call.tool !== 'slow' || call.upstream !== 'http' || outcome(call)?.kind !== 'result') return [];
      const steps = new Set(progressOf({ events: [...call.events, ...(all.get(call.key) ?? [])] }).map((p) => p.progress));
      const missing = Array.from({ length: call.args.steps }, (_, i) => i + 1).filter((step) => !steps.has(step));
      return missing.length ? [`${shown(call)} lacks ${missing} of ${call.args.steps}`] : [];
    });
  },

  'what belongs to a call comes on its stream': (run) => streamsOf(run).flatMap(({ of, key, events }) => events.flatMap(({ message }) => {
    const owner = belongsTo(message);
    return owner === undefined || owner === key ? [] : [`${of} has a ${message.method} of ${owner}`];
  })),

  'an answer that was taken reaches the upstream': (run) => {
    const told = done('told', run);
    const ends = new Map(calls(run).map((call) => [call.key, outcome(call)?.kind]));
    return run.clients.flatMap((client) => client.told).flatMap((answer) => {
      if (!answer.taken || ends.get(answer.key) === 'interrupted' || told.has(answer.key)) return [];
      return [`the answer for ${answer.key} was taken and never arrived`];
    });
  },

  'the client is asked no more than the node crashed': (run) => run.clients.flatMap((client) =>
    [...by(client.told, (answer) => answer.key)].flatMap(([key, answers]) =>
      answers.length > 1 + run.crashes.length ? [`${key} was asked for ${answers.length} times`] : [])),

  'epochs of a slot never fall': (run) => [...by(run.owners ?? [], ({ slot }) => slot)].flatMap(([slot, seen]) =>
    seen.flatMap((now, i) => (i > 0 && now.epoch < seen[i - 1].epoch ? [`slot ${slot}: ${ownerOf(seen[i - 1])}, then ${ownerOf(now)}`] : []))),

  'a slot changes hands with its epoch': (run) => {
    const said = [...(run.owners ?? []).filter(({ incarnation }) => incarnation !== ''), ...(run.commits ?? [])];
    return moreThanOne(by(said, ({ slot, epoch }) => `slot ${slot} in epoch ${epoch}`), ({ incarnation }) => incarnation);
  },

  'a sequence of an entity has one owner': (run) =>
    moreThanOne(by(run.commits ?? [], ({ entity, sequence }) => `${entity} ${sequence}`), ownerOf),

  'owners of an entity follow one another': (run) => [...by(run.commits ?? [], ({ entity }) => entity)].flatMap(([entity, commits]) => {
    const inTurn = [...commits].sort((a, b) => a.sequence - b.sequence);
    return inTurn.flatMap((commit, i) => (i > 0 && commit.epoch < inTurn[i - 1].epoch
      ? [`${entity} ${inTurn[i - 1].sequence} is of ${ownerOf(inTurn[i - 1])}, ${commit.sequence} of ${ownerOf(commit)}`] : []));
  }),

  'nobody who is dead takes a slot from the living': (run) => (run.owners ?? []).filter(({ robs }) => robs)
    .map(({ at, slot, epoch, incarnation }) => `slot ${slot} is ${epoch}:${incarnation} at ${at}`),

  'all is well again soon': (run) => Object.entries(run.rest ?? {}).flatMap(([what, { took, limit }]) =>
    took <= limit ? [] : [`${what}: ${took === Infinity ? 'never' : `after ${took} ms`} instead of ${limit} ms`]),

  'nothing hangs': (run) => run.hung ?? [],

  'no node ends by itself': (run) => (run.ends ?? []).map(({ node, how }) => `${node}: ${how}`),

  'nobody is dead who was well': (run) => (run.deaths ?? []).map(({ at, node, by }) => `${node}, says ${by} at ${at}`),

  'no resumption is refused': (run) => run.clients.flatMap((client) =>
    client.troubles.map((t) => `${t.session}: ${t.what}: ${t.status} ${t.of ?? ''}`)),

  'every session lives': (run) => run.clients.filter((client) => !client.alive && !client.visits).map((client) => `${client.name} is gone`),

  'a session that was ended stays so': (run) => run.clients.filter(({ left }) => left?.at !== undefined && left.afterwards !== 404)
    .map(({ name, left }) => `${name} is told ${left.afterwards} afterwards`),

  'nothing is left of sessions that were ended': (run) => run.left ?? [],

  'memory comes back': (run) => (run.memory ?? []).filter(({ bytes, limit }) => bytes > limit)
    .map(({ node, bytes, limit }) => `${node} has ${bytes} bytes instead of ${limit} at most`),

  'an initialize is cut only with its node': (run) => run.clients.flatMap(({ name, openings }) =>
    openings.filter((made) => made.ended === 'broken' && !overlaps(made.at, made.until, run))
      .map((made) => `${name}: ${JSON.stringify(made)}`)),

  'every own stream lives': (run) => run.clients.filter((client) => client.hears === false).map((client) => `${client.name} heard nothing of a change`),

  'nobody initializes again': (run) => run.clients.filter((client) => client.initialized !== 1)
    .map((client) => `${client.name} initialized ${client.initialized} times`),

  'logs come once and in order': (run) => {
    const said = placesOf(run.executions.filter((e) => e.what === 'executed').map((e) => e.key));
    const times = (places, key) => places.get(key)?.length ?? 0;
    return run.clients.flatMap((client) => client.streams.flatMap((stream) => {
      const keys = logsOf(stream);
      const heard = placesOf(keys);
      const more = [...heard.keys()].filter((key) => times(heard, key) > times(said, key));
      // A read that was made again may say it at two places.
      const clear = keys.filter((key) => times(said, key) === 1).map((key) => [key, said.get(key)[0][0]]);
      const late = clear.filter(([, at], i) => i > 0 && at < clear[i - 1][1]);
      return [...more.map((key) => `${client.name}: ${key} was logged too often`), ...late.map(([key]) => `${client.name}: ${key} was logged too late`)];
    }));
  },

  'logs outside calls arrive': (run) => (run.config.says ? run.clients.flatMap((client) => {
    const heard = new Set(client.streams.flatMap(logsOf));
    return client.calls.filter((call) => call.args.say && outcome(call)?.kind === 'result' && !heard.has(call.key))
      .map((call) => `${call.key} was not logged`);
  }) : []),
};

/// What is not of the same owner everywhere.
const moreThanOne = (groups, owner) => [...groups].flatMap(([what, same]) => {
  const owners = new Set(same.map(owner));
  return owners.size > 1 ? [`${what} is of ${[...owners].join(' and of ')}`] : [];
});

const ownerOf = ({ epoch, incarnation }) => `${epoch}:${incarnation}`;

const logsOf = (stream) => stream.events.flatMap(({ message }) => (message?.method === 'notifications/message' ? [message.params.data] : []));

/// `<stream>-<position>-<tag>`
function positionOf(id) {
  const [, stream, position] = /^(\d+)-(\d+)-/.exec(id ?? '') ?? [];
  return stream === undefined ? undefined : { stream, position: Number(position) };
}

const streamsOf = (run) => [
  ...calls(run).map((call) => ({ of: shown(call), key: call.key, events: call.events })),
  ...run.clients.flatMap((client) => client.streams.map((stream) => ({ of: `${client.name}'s own stream`, events: stream.events }))),
];

/// The key of the call that a message from the upstream belongs to, if it says so.
function belongsTo(message) {
  if (message?.method === 'notifications/progress') return message.params.progressToken;
  if (message?.method === 'sampling/createMessage') return message.params.messages[0].content.text;
  return undefined;
}

/// All that is wrong with a run: [{rule, what}].
export const check = (run) => Object.entries(rules).flatMap(([rule, violated]) => violated(run).map((what) => ({ rule, what })));

/// What a run was, in one line.
export function summary(run) {
  const all = calls(run);
  const executed = done('executed', run);
  const count = (list, of) => [...by(list, of)].map(([name, same]) => `${name} ${same.length}`).join(', ');
  const interrupted = all.filter((call) => outcome(call)?.kind === 'interrupted');
  const again = all.filter((call) => call.attempts.filter((a) => a.how === 'post' && a.ended !== 'refused' && a.ended !== 'unavailable').length > 1);
  return [
    `${all.length} calls (${count(all, (call) => call.tool)})`,
    `${run.crashes.length} crashes`,
    `${all.filter((call) => call.attempts.some((a) => a.how === 'resume')).length} resumed, ${again.length} sent again`,
    `${interrupted.length} interrupted (${count(interrupted, (call) => `${call.upstream} ${call.tool}`)}; ${interrupted.filter((call) => !executed.has(call.key)).length} of them never ran)`,
    `${all.filter((call) => call.attempts.some((a) => a.ended === 'unavailable')).length} met 503`,
  ].join('; ');
}
