// npm run demo: half an hour in the life of a small fleet, in half a minute, under a budget that runs short.
import { runCommand } from './command.js';
import { demoFleet } from './demo-fleet.js';

process.exitCode = await runCommand(
  {
    name: 'demo',
    defaults: { takesFile: false, speed: '60', budget: '6/day' },
    openTrace: async () => demoFleet(new Date()),
  },
  process.argv.slice(2),
);
