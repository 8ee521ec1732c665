import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformId } from '@vault-engine/vault';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isMapping, loadProfiles, merge, openCatalog, ProfilesRefused } from './load-profiles.ts';
import { profileJsonSchema } from './profile-schema.ts';
import { formatFaults } from './read-yaml.ts';

const OURS = fileURLToPath(new URL('../../../../platform-profiles', import.meta.url));
const GOOD = 'display_name: Good\ntoken: {url: https://good.example/token}\n';

const id = (text: string) => platformId(text) ?? expect.fail('not a platform id');

describe('the shipped profiles', () => {
  it('are these sixteen', async () => {
    const catalog = await openCatalog([OURS]);
    expect(catalog.all().map((profile) => `${profile.id}: ${profile.displayName}`)).toEqual([
      'atlassian: Atlassian',
      'dropbox: Dropbox',
      'github: GitHub',
      'gitlab: GitLab',
      'gmail: Gmail',
      'google-calendar: Google Calendar',
      'google-drive: Google Drive',
      'hubspot: HubSpot',
      'microsoft: Microsoft',
      'notion: Notion',
      'quickbooks: QuickBooks',
      'salesforce: Salesforce',
      'slack: Slack',
      'xero: Xero',
      'zoho: Zoho',
      'zoom: Zoom',
    ]);
  });

  it('inherit the keys of their family', async () => {
    const catalog = await openCatalog([OURS]);
    const urls = ['gmail', 'google-calendar', 'google-drive'].map((name) => catalog.profile(id(name))?.token.url);
    expect(new Set(urls)).toEqual(new Set(['https://oauth2.googleapis.com/token']));
  });

  it('name a source for each fact, or mark it as unverified', async () => {
    const files = (await readdir(OURS, { recursive: true })).filter((file) => file.endsWith('.yaml'));
    for (const file of files) {
      const lines = (await readFile(join(OURS, file), 'utf8')).split('\n');
      const facts = lines.filter((line) => /^\s*[\w-]+: \S/.test(line) && !/^(display_name|extends):/.test(line));
      for (const fact of facts)
        expect(fact, `${file} gives no source`).toMatch(
          /#.*(\[[a-z0-9]+\]|unverified|not stated|users’ reports|users' reports)/,
        );
    }
  });

  it('define each source that a fact refers to', async () => {
    const files = (await readdir(OURS, { recursive: true })).filter((file) => file.endsWith('.yaml'));
    for (const file of files) {
      const lines = (await readFile(join(OURS, file), 'utf8')).split('\n');
      const sources = lines.flatMap((line) => /^# \[(\w+)\]\s+https:/.exec(line)?.[1] ?? []);
      const used = lines.flatMap((line) => [...line.matchAll(/#.*?\[([a-z0-9]+)\]/g)].flatMap(([, tag]) => tag ?? []));
      expect(new Set(used), file).toEqual(new Set(sources));
    }
  });

  it('have an up-to-date schema for editors; npm run schema -w libs/platforms writes it', async () => {
    expect(JSON.parse(await readFile(join(OURS, 'profile.schema.json'), 'utf8'))).toEqual(
      JSON.parse(profileJsonSchema()),
    );
  });
});

describe('loading profiles', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vault-profiles-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = async (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
  };
  /** The faults, without the path of the folder. */
  const faultsOf = async (files: Readonly<Record<string, string>>, ...further: readonly string[]) => {
    await write(files);
    const loaded = await loadProfiles([folder, ...further]);
    return loaded.ok ? [] : formatFaults(loaded.faults).replaceAll(`${folder}/`, '').split('\n');
  };

  it('fills in the defaults of RFC 6749', async () => {
    await write({ 'good.yaml': GOOD });
    const good = (await openCatalog([folder])).profile(id('good'));
    expect(good).toMatchObject({
      id: 'good',
      displayName: 'Good',
      auth: 'post',
      refresh: { url: null, params: { grant_type: 'refresh_token' } },
      response: { error_path: 'error', slots: { main: { access: 'access_token', refresh: 'refresh_token' } } },
      errors: { grant_dead: ['invalid_grant'] },
      revoke: null,
    });
  });

  it('has no platform without a file', async () => {
    await write({ 'good.yaml': GOOD, 'families/fam.yaml': 'auth: basic\n', 'README.md': '#' });
    const catalog = await openCatalog([folder]);
    expect(catalog.displayName(id('good'))).toBe('Good');
    expect(catalog.displayName(id('fam'))).toBeNull();
    expect(catalog.profile(id('other'))).toBeNull();
  });

  it('merges mappings of a family and replaces lists, single values and null', async () => {
    await write({
      'families/fam.yaml':
        'auth: basic\nheaders: {A: "1", B: "2"}\nerrors: {grant_dead: [x, y], app_fault: [z]}\nrevoke: {url: https://f.example/r}\ntoken: {url: https://f.example/t}\n',
      'child.yaml': 'display_name: C\nextends: fam\nheaders: {B: "3"}\nerrors: {grant_dead: [w]}\nrevoke: null\n',
    });
    expect((await openCatalog([folder])).profile(id('child'))).toMatchObject({
      auth: 'basic',
      headers: { A: '1', B: '3' },
      errors: { grant_dead: ['w'], app_fault: ['z'] },
      revoke: null,
      token: { url: 'https://f.example/t' },
    });
  });

  it('finds a family in another folder than its profile', async () => {
    await write({ 'mine.yaml': 'display_name: Mine\nextends: google\n' });
    expect((await openCatalog([OURS, folder])).displayName(id('mine'))).toBe('Mine');
  });

  it('reports all faults of all files at once, each with file, line and column', async () => {
    const faults = await faultsOf({
      'a.yaml':
        'display_nam: A\nauth: pots\ntoken:\n  url: http://a.example\nresponse:\n  slots:\n    main: {acess: x}\n',
      'b.yaml': 'display_name: [B\n',
      'c.yaml': 'token: {}\n',
      'd.yaml': `${GOOD}extends: famly\n`,
      'families/family.yaml': 'refresh: {min_interval_s: -1}\nrevok: null\n',
    });
    expect(faults).toMatchInlineSnapshot(`
      [
        "a.yaml:1:1 unknown key \`display_nam\`; did you mean \`display_name\`?",
        "a.yaml:2:7 \`auth\`: invalid option: expected one of "post"|"basic"|"basic_raw"|"basic_percent"|"none"",
        "a.yaml:4:8 \`token.url\`: expected an https URL with a host name, without credentials or fragment; only {client_id} may be filled in, in the path",
        "a.yaml:7:12 unknown key \`acess\`; did you mean \`access\`?",
        "b.yaml:2:1 Flow sequence in block collection must be sufficiently indented and end with a ]",
        "c.yaml:1:1 \`display_name\`: is missing",
        "c.yaml:1:8 \`token.url\`: is missing",
        "d.yaml:3:10 there is no family \`famly\`; did you mean \`family\`?",
        "families/family.yaml:1:27 \`refresh.min_interval_s\`: expected whole seconds",
        "families/family.yaml:2:1 unknown key \`revok\`; did you mean \`revoke\`?",
      ]
    `);
  });

  it('names the environment variables for a client id or secret, and does not repeat the value', async () => {
    const faults = await faultsOf({ 'a.yaml': `${GOOD}client_secret: canary\n` });
    expect(faults).toEqual([
      'a.yaml:3:1 `client_secret` does not belong in a profile; set VAULT_CLIENT_ID_<PLATFORM> and VAULT_CLIENT_SECRET_<PLATFORM>',
    ]);
  });

  it.each([
    'http://a.example/t',
    'https://{client_id}.example/t',
    'https://a.example/{user}/t',
    'https://u:p@a.example/t',
    'https://a.example/t#x',
    'ftp://a.example',
    'https://10.0.0.1/t',
    'https://2130706434.0x7f/t',
    'https://[::ffff:169.254.169.254]/t',
    'https://{client_id}:8080/t',
    'not a url',
  ])('refuses %s as a token URL', async (url) => {
    const [fault] = await faultsOf({ 'a.yaml': `display_name: A\ntoken: {url: "${url}"}\n` });
    expect(fault).toContain('a.yaml:2:14 `token.url`: expected an https URL');
  });

  it('accepts loopback URLs only where they are allowed', async () => {
    const files = {
      'a.yaml': 'display_name: A\ntoken: {url: "http://127.0.0.1:8080/t"}\nrevoke: {url: "http://localhost/{token}"}\n',
    };
    const problem = 'names this machine; set VAULT_ALLOW_INSECURE_LOOPBACK=1 with VAULT_ENV=development to allow it';
    expect(await faultsOf(files)).toEqual([
      `a.yaml:2:14 \`token.url\`: ${problem}`,
      `a.yaml:3:15 \`revoke.url\`: ${problem}`,
    ]);
    expect(await loadProfiles([folder], { allowInsecureLoopback: true })).toMatchObject({ ok: true });
  });

  it('refuses contradicting values', async () => {
    const faults = await faultsOf({
      'a.yaml': `${GOOD}access: {none_means: use_default}\n`,
      'b.yaml': `${GOOD}access: {default_ttl_s: 60}\n`,
      'c.yaml': `${GOOD}response: {slots: {other: {}}}\n`,
      'd.yaml': `${GOOD}access: {none_means: introspect}\n`,
    });
    expect(faults).toEqual([
      'a.yaml:3:9 `none_means: use_default` needs `default_ttl_s`',
      'b.yaml:3:25 `default_ttl_s` has no effect with `none_means: never`',
      'c.yaml:3:19 the slot `main` is missing',
      'd.yaml:3:22 `none_means: introspect` needs `introspection`',
    ]);
  });

  it('replaces a shipped profile by the operator’s own of the same name, and says so', async () => {
    await write({ 'gmail.yaml': GOOD, 'mine.yaml': GOOD });
    const catalog = await openCatalog([OURS, folder]);
    expect(catalog.displayName(id('gmail'))).toBe('Good');
    expect(catalog.all()).toHaveLength(17);
    expect(catalog.replaced).toEqual(['gmail']);
    expect((await openCatalog([OURS])).replaced).toEqual([]);
  });

  it('refuses a platform that is defined twice in the operator’s own folders', async () => {
    await write({ 'more/gmail.yaml': GOOD, 'gmail.yaml': GOOD });
    const loaded = await loadProfiles([OURS, folder, join(folder, 'more')]);
    expect(loaded.ok ? '' : formatFaults(loaded.faults)).toMatch(
      /more\/gmail\.yaml:1:1 `gmail` is already defined by .*gmail\.yaml; rename one of them/,
    );
  });

  it('reads lifetimes of refresh tokens with a unit, and refuses others', async () => {
    await write({
      'good.yaml': `${GOOD}refresh_ttl: {idle: 30m, absolute: 10h}\n`,
      'days.yaml': `${GOOD}refresh_ttl: {absolute_d: 14}\n`,
    });
    const catalog = await openCatalog([folder]);
    expect(catalog.profile(id('good'))?.refresh_ttl).toMatchObject({ idle: 1_800_000, absolute: 36_000_000 });
    expect([catalog.grantMs(id('good')), catalog.grantMs(id('days'))]).toEqual([36_000_000, 14 * 86_400_000]);
    const faults = await faultsOf({
      'good.yaml': `${GOOD}refresh_ttl: {idle: 30 minutes}\n`,
      'days.yaml': `${GOOD}refresh_ttl: {idle: 1d, idle_d: 1}\n`,
    });
    expect(faults).toEqual([
      'days.yaml:3:33 `idle_d` has no effect with `idle`',
      'good.yaml:3:21 `refresh_ttl.idle`: expected a number with s, m, h or d, as 30m, 10h or 14d',
    ]);
  });

  it('refuses names that are no ids, other extensions than .yaml, families of families, and aliases', async () => {
    const faults = await faultsOf({
      'Bad_Name.yaml': GOOD,
      'x.yml': GOOD,
      'families/one.yaml': 'extends: two\n',
      'families/two.yaml': 'auth: basic\n',
      'y.yaml': 'display_name: &a Y\ntoken: {url: https://y.example}\nheaders: {A: *a}\n',
    });
    expect(faults).toEqual([
      'Bad_Name.yaml:1:1 the file’s name is the platform’s id; use a-z 0-9 -, beginning with a letter',
      'families/one.yaml:1:1 a family extends no other family',
      'x.yml:1:1 the extension of a profile is .yaml; rename the file',
      'y.yaml:1:1 aliases are not allowed; write the value out, or use a family',
    ]);
  });

  it('refuses an empty file and a file that is no mapping', async () => {
    const faults = await faultsOf({ 'a.yaml': '', 'b.yaml': '- x\n' });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(['a.yaml', 'b.yaml']);
  });

  it('names a folder that cannot be read', async () => {
    expect(await faultsOf({}, '/nowhere')).toEqual(['/nowhere:1:1 the folder cannot be read (ENOENT)']);
  });

  it('rejects as a whole for services', async () => {
    await write({ 'a.yaml': 'x: 1\n' });
    await expect(openCatalog([folder])).rejects.toBeInstanceOf(ProfilesRefused);
  });
});

const documents = fc.jsonValue();

it('merging keeps the only value where one side is absent', () => {
  fc.assert(
    fc.property(documents, (value) => {
      expect(merge(value, undefined)).toEqual(value);
      expect(merge(undefined, value)).toEqual(value);
      expect(merge(value, value)).toEqual(value);
    }),
  );
});

it('merging keeps all keys of both mappings, and the overriding value unless both are mappings', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), documents), fc.dictionary(fc.string(), documents), (base, over) => {
      const merged = merge(base, over);
      if (!isMapping(merged)) return expect.fail('not a mapping');
      expect(new Set(Object.keys(merged))).toEqual(new Set([...Object.keys(base), ...Object.keys(over)]));
      for (const [name, value] of Object.entries(over))
        if (!isMapping(value)) expect(Object.getOwnPropertyDescriptor(merged, name)?.value).toEqual(value);
    }),
  );
});

it('merging changes no prototype', () => {
  const merged = merge({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});
