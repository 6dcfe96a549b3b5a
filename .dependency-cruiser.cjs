/** The arrows of the house. Each rule carries its why. @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle means two files are one, or a decision is in the wrong place.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'domain-imports-nothing',
      comment: 'Pure decisions stay testable without a database, a clock or a framework.',
      severity: 'error',
      from: { path: '^libs/common/src/domain/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/common/src/domain/' },
    },
    {
      name: 'apps-never-import-apps',
      comment: 'Apps meet through rows and jobs, so that each can die and be deployed alone.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-never-import-apps',
      comment: 'What is common may not know who uses it.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|launcher|cli|bench)/' },
    },
    {
      name: 'product-never-imports-tests',
      comment: 'Test support must not ship.',
      severity: 'error',
      from: { path: '^(apps|libs|launcher|cli)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'config-and-queues-touch-only-domain',
      comment: 'They are loaded first, by every process; they must not pull the house in.',
      severity: 'error',
      from: { path: '^libs/common/src/(config|queues)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/common/src/', pathNot: '^libs/common/src/(domain|config|queues)/' },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'What is imported stands in package.json.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    {
      name: 'product-uses-no-dev-packages',
      comment: 'The container installs production packages only.',
      severity: 'error',
      from: { path: '^(apps|libs|cli)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
