// npm run create-user <email> <name> <username> [password] -- --email-verified=true (contracts 3.3).
// Without the password argument it is one line on stdin. Exit 0; 1 when the user exists or the input is refused.
import '../src/env.js';
import { createInterface } from 'node:readline/promises';
import mongoose from 'mongoose';
import { registerUser } from '../src/auth.js';
import { loadConfig } from '../src/config.js';
import { connect, db } from '../src/database.js';

const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();

/** One line of the user's, asked for by name; upstream waits for ever too when nobody answers. */
async function ask(question) {
  process.stdout.write(`${question} `);
  return (await lines.next()).value ?? '';
}

/** Makes the user; returns the exit status. */
async function main(args) {
  const flag = args.find((arg) => arg.startsWith('--email-verified='));
  const [email, name, username, given] = args.filter((arg) => !arg.startsWith('--'));
  if (!email?.includes('@')) {
    console.error('Error: Invalid email address!');
    return 1;
  }
  const password = given ?? (await ask('Password:'));
  const verified = flag
    ? flag !== '--email-verified=false'
    : (await ask('Email verified? (Y/n)')).toLowerCase() !== 'n';
  await connect(false);
  if (await db.findUser({ $or: [{ email }, { username }] })) {
    console.error('Error: A user with that email or username already exists!');
    return 1;
  }
  const user = { email, name, username, password, confirm_password: password };
  const { status, message } = await registerUser(user, await loadConfig(), { emailVerified: verified });
  if (status !== 200) {
    console.error(`Error: ${message}`);
    return 1;
  }
  console.log('User created successfully!');
  return 0;
}

let status = 1;
try {
  status = await main(process.argv.slice(2));
} catch (error) {
  console.error(`Error: ${error.message}`);
}
await mongoose.disconnect();
process.exit(status);
