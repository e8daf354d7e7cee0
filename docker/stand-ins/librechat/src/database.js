// MongoDB through the real models and methods of @librechat/data-schemas, so that the queries are the real ones.
import mongoose from 'mongoose';
import { createMethods, createModels, logger, SystemCapabilities } from '@librechat/data-schemas';
import { SystemRoles } from 'librechat-data-provider';
import { isEnabled } from './env.js';
import { timeQueries } from './metrics.js';

const { env } = process;
export const searchEnabled = isEnabled(env.SEARCH);

mongoose.plugin(timeQueries);
createModels(mongoose);
export const db = createMethods(mongoose);

/**
 * Connects and seeds roles, categories and grants as upstream does at each start.
 *
 * Errors: no server after 30 s, or a refused log-in at once; the caller ends the process (contracts 3.1).
 */
export async function connect(autoIndex = env.MONGO_AUTO_INDEX !== 'false') {
  const limits = { maxPoolSize: env.MONGO_MAX_POOL_SIZE, minPoolSize: env.MONGO_MIN_POOL_SIZE };
  const options = Object.fromEntries(
    Object.entries(limits).flatMap(([key, value]) => (value ? [[key, Number(value)]] : [])),
  );
  await mongoose.connect(env.MONGO_URI, { ...options, autoIndex });
}

/** Seeds what upstream's seedDatabase seeds. */
export async function seed() {
  await db.initializeRoles();
  await db.seedDefaultRoles();
  await db.ensureDefaultCategories();
  // Upstream upserts the grants at every start, in one command. FerretDB 1 keeps one of its 50 PostgreSQL connections for
  // each statement of a command until it ends, so that two servers that start together would wait for each other for ever.
  const grants = await mongoose.models.SystemGrant.countDocuments({ principalId: SystemRoles.ADMIN });
  if (grants < Object.keys(SystemCapabilities).length) await db.seedSystemGrants();
}

/**
 * Brings Meilisearch up to MongoDB, in the background: what is not indexed yet, and everything when the index was
 * wiped (upstream sees the missing settings of a new index and re-indexes, contracts 1.1).
 */
export async function syncIndexes() {
  if (!searchEnabled || !env.MEILI_HOST || !env.MEILI_MASTER_KEY) return;
  const { MeiliSearch } = await import('meilisearch');
  const client = new MeiliSearch({ host: env.MEILI_HOST, apiKey: env.MEILI_MASTER_KEY });
  for (const [name, index] of [
    ['Message', 'messages'],
    ['Conversation', 'convos'],
  ]) {
    const model = mongoose.models[name];
    const { numberOfDocuments } = await client
      .index(index)
      .getStats()
      .catch((error) => {
        if (error.code !== 'index_not_found') throw error;
        return { numberOfDocuments: 0 };
      });
    if (numberOfDocuments === 0)
      await model.collection.updateMany({}, { $set: { _meiliIndex: false, _meiliIndexAttempted: true } });
    if (!(await model.getSyncProgress()).isComplete) await model.syncWithMeili();
  }
  logger.info('[indexSync] Meilisearch is in step with MongoDB');
}
