// librechat.yaml: read and judged as the server does it (contracts 4.1), and what it and the environment offer.
import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { configSchema, extractEnvVariable, EModelEndpoint } from 'librechat-data-provider';
import { logger } from '@librechat/data-schemas';
import { isEnabled, PATHS, refuse } from './env.js';

const { env } = process;
const UNRESOLVED = /^\$\{(.+)\}$/;
const OPENAI_URL = 'https://api.openai.com/v1';

/** The text of the file at CONFIG_PATH (a path or a URL), or null when there is none. */
async function read(location) {
  if (!/^https?:\/\//.test(location)) return readFile(location, 'utf8');
  const answer = await fetch(location);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.text();
}

/** The schema's verdict; an MCP server's address out of an unset variable makes the schema itself throw. */
function judge(raw) {
  try {
    return configSchema.strict().safeParse(raw);
  } catch (error) {
    return refuse(`Failed to start server: ${error.message}`);
  }
}

/**
 * The raw configuration (upstream runs on the raw one, not on the parsed one).
 *
 * A missing file or a YAML syntax error is a log line and defaults; what the schema refuses ends the process.
 */
export async function loadConfig() {
  const location = env.CONFIG_PATH || PATHS.config;
  let raw;
  try {
    raw = load(await read(location));
  } catch (error) {
    if (error.name === 'YAMLException') logger.error(`Config file YAML format is invalid: ${error.message}`);
    else logger.info(`Custom config file missing or unreadable at ${location}: ${error.message}`);
    return {};
  }
  const result = judge(raw);
  if (!result.success) {
    logger.error(`Invalid custom config file at ${location}:\n${JSON.stringify(result.error, null, 2)}`);
    if (isEnabled(env.CONFIG_BYPASS_VALIDATION)) return {};
    logger.on('finish', () => process.exit(1));
    logger.error(
      'Exiting due to invalid configuration. Set CONFIG_BYPASS_VALIDATION=true to bypass this check.',
    );
    logger.end();
    await new Promise(() => {});
  }
  logger.info(`Custom config file loaded: ${location}`);
  if (raw.fileStrategy === 's3' && !env.AWS_REGION) {
    logger.error('[initializeS3] AWS_REGION is not set. Cannot initialize S3.');
  }
  return raw;
}

const names = (list) => (list ?? []).map((model) => model.name ?? model);

/** The custom endpoints; an entry that lacks one of its four fields is dropped without a word, as upstream drops it. */
function customEndpoints(config) {
  const complete = ({ name, apiKey, baseURL, models }) =>
    name && apiKey && baseURL && (models?.fetch || models?.default);
  return (config.endpoints?.custom ?? []).filter(complete).map((entry) => [
    entry.name,
    {
      ...entry,
      type: EModelEndpoint.custom,
      key: extractEnvVariable(entry.apiKey),
      url: extractEnvVariable(entry.baseURL),
      models: names(entry.models.default),
      fetch: entry.models.fetch,
    },
  ]);
}

/**
 * The endpoints on offer, by name: {key, url, models, fetch, ...the yaml's own fields}.
 *
 * OpenAI and Anthropic are hidden without their key (contracts 3.3); ENDPOINTS narrows the list.
 */
export function endpointsOf(config) {
  const list = (name) => env[name]?.split(',').map((model) => model.trim());
  const offered = new Map(customEndpoints(config));
  if (env.OPENAI_API_KEY) {
    const url = (env.OPENAI_REVERSE_PROXY || OPENAI_URL).replace(/\/chat\/completions\/?$/, '');
    const models = list('OPENAI_MODELS');
    offered.set(EModelEndpoint.openAI, {
      key: env.OPENAI_API_KEY,
      url,
      models: models ?? [],
      fetch: !models,
    });
  }
  if (env.ANTHROPIC_API_KEY) {
    offered.set(EModelEndpoint.anthropic, {
      key: env.ANTHROPIC_API_KEY,
      models: list('ANTHROPIC_MODELS') ?? [],
    });
  }
  const allowed = env.ENDPOINTS?.split(',').map((name) => name.trim());
  if (allowed) {
    for (const [name, { type }] of offered) if (!allowed.includes(type ?? name)) offered.delete(name);
  }
  return offered;
}

/** Are the agents' tools of that name on? A capability list that is given must name it (contracts 4.3). */
export const isCapable = (config, tool) => config.endpoints?.agents?.capabilities?.includes(tool) ?? true;

/** Is it still the literal `${NAME}`, because that variable is not set? */
export const isUnresolved = (value) => UNRESOLVED.test(value ?? '');
