// Resumable streams: the events of an answer are kept, so that a client may come late or come back - in Redis, where
// any replica can read them, or in this process.
import { setTimeout as sleep } from 'node:timers/promises';

const SECONDS_KEPT = 60;
const LONGEST_ANSWER = 3600;

/** Streams in Redis: one Redis stream and one owner key for each answer. */
export class RedisStreams {
  constructor(redis) {
    this.redis = redis;
  }

  /** Begins an answer; the stream of a conversation's answer before is forgotten. */
  async open(id, owner) {
    await this.redis.del(`stream:{${id}}:events`);
    await this.redis.set(`stream:{${id}}:owner`, owner, 'EX', LONGEST_ANSWER);
  }

  owner(id) {
    return this.redis.get(`stream:{${id}}:owner`);
  }

  /** Adds an event; the last one (`done`) starts the clock after which all is forgotten. */
  async add(id, event, done = false) {
    await this.redis.xadd(`stream:{${id}}:events`, '*', 'event', JSON.stringify({ ...event, done }));
    const seconds = done ? SECONDS_KEPT : LONGEST_ANSWER;
    for (const key of [`stream:{${id}}:events`, `stream:{${id}}:owner`])
      await this.redis.expire(key, seconds);
  }

  /** Yields every event from the first one on, until the last one or until `signal` aborts. */
  async *read(id, signal) {
    const reader = this.redis.duplicate();
    try {
      for (let last = '0'; !signal.aborted;) {
        const answer = await reader.xread('BLOCK', 1000, 'STREAMS', `stream:{${id}}:events`, last);
        for (const [entry, [, text]] of answer?.[0][1] ?? []) {
          last = entry;
          const event = JSON.parse(text);
          yield event;
          if (event.done) return;
        }
      }
    } finally {
      reader.disconnect();
    }
  }
}

/** The same in memory, for one replica without Redis. */
export class MemoryStreams {
  #jobs = new Map();

  async open(id, owner) {
    this.#jobs.set(id, { owner, events: [] });
  }

  async owner(id) {
    return this.#jobs.get(id)?.owner ?? null;
  }

  async add(id, event, done = false) {
    this.#jobs.get(id).events.push({ ...event, done });
    const job = this.#jobs.get(id);
    const forget = () => this.#jobs.get(id) === job && this.#jobs.delete(id);
    if (done) setTimeout(forget, SECONDS_KEPT * 1000).unref();
  }

  async *read(id, signal) {
    const { events } = this.#jobs.get(id);
    for (let next = 0; !signal.aborted;) {
      if (next === events.length) await sleep(10);
      else {
        const event = events[next++];
        yield event;
        if (event.done) return;
      }
    }
  }
}
