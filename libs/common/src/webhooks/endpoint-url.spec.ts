import fc from 'fast-check';
import { judgeEndpointUrl } from './endpoint-url.js';

const reasonOf = (text: string, allowCidrs: string[] = []) => {
  const verdict = judgeEndpointUrl(text, allowCidrs);
  return verdict.ok ? 'ok' : verdict.reason;
};

describe('judging the address of an endpoint', () => {
  test.each([
    ['https://example.com/hooks?x=1', 'https://example.com/hooks?x=1'],
    ['http://EXAMPLE.com:8080', 'http://example.com:8080/'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700::1111]/', 'https://[2606:4700::1111]/'],
  ])('%s is accepted and stored as %s', (text, url) => {
    expect(judgeEndpointUrl(text, [])).toEqual({ ok: true, url });
  });

  test.each([
    ['', 'malformed'],
    ['example.com/hooks', 'malformed'],
    ['http:example.com', 'malformed'],
    ['https://', 'malformed'],
    ['https://exa mple.com', 'malformed'],
    ['https://example.com/\r\nx-evil: 1', 'malformed'],
    ['https://exam\nple.com/', 'malformed'],
    ['https://example.com\\@10.0.0.1/', 'malformed'],
    ['https://example.com:70000/', 'malformed'],
    ['ftp://example.com/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['https://user:pass@example.com/', 'userinfo'],
    ['https://user@example.com/', 'userinfo'],
    ['https://@example.com/', 'userinfo'],
    ['https://example.com/#part', 'fragment'],
    ['https://example.com/#', 'fragment'],
    ['https://example.com:0/', 'port'],
    ['https://example.com:25/', 'port'],
    [`https://example.com/${'a'.repeat(2048)}`, 'too_long'],
    [`https://example.com/${'ü'.repeat(1000)}`, 'too_long'],
  ])('%j is refused as %s', (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://0x7f.0.0.1/',
    'http://127.0.0.1./',
    'http://①②⑦.⓪.⓪.①/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.1.1/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://app.localhost:3000/',
  ])('%s is refused as a private address', (text) => {
    expect(reasonOf(text)).toBe('private_address');
  });

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://168.63.129.16/',
    'http://100.100.100.200/',
    'http://[fd00:ec2::254]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://metadata.google.internal/',
  ])('%s is refused as a metadata service although everything is listed', (text) => {
    expect(reasonOf(text, ['0.0.0.0/0', '::/0'])).toBe('metadata_address');
  });

  test('a private address is accepted inside a network the operator listed, and only there', () => {
    expect(reasonOf('http://127.0.0.1:9000/', ['127.0.0.0/8'])).toBe('ok');
    expect(reasonOf('http://localhost:9000/', ['127.0.0.0/8'])).toBe('ok');
    expect(reasonOf('http://[::1]:9000/', ['127.0.0.0/8'])).toBe('private_address');
    expect(reasonOf('http://10.0.0.1/', ['127.0.0.0/8'])).toBe('private_address');
  });

  test('every spelling of an IPv4 number is judged like the address it means', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffff }), fc.constantFrom(10, 16), (rest, base) => {
        const number = 0x7f000000 + rest;
        const spelling = base === 16 ? `0x${number.toString(16)}` : String(number);
        return reasonOf(`http://${spelling}/`) === 'private_address';
      }),
    );
  });

  test('no text makes it throw, and what it accepts it accepts again unchanged', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.string().map((rest) => `https://${rest}`),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const verdict = judgeEndpointUrl(candidate, []);
        if (!verdict.ok) return verdict.hint.length > 0;
        const again = judgeEndpointUrl(verdict.url, []);
        return again.ok && again.url === verdict.url;
      }),
      { numRuns: 2000 },
    );
  });
});
