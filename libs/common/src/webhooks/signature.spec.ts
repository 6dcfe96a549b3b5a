import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newSecret, sign } from './signature.js';

const now = () => Math.floor(Date.now() / 1000);
const headers = (id: string, timestampSeconds: number, signature: string) => ({
  'webhook-id': id,
  'webhook-timestamp': String(timestampSeconds),
  'webhook-signature': signature,
});

describe('signing a webhook', () => {
  test('the example of the specification gets the signature of the specification', () => {
    const signature = sign({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestampSeconds: 1614265330,
      body: '{"test": 2432232314}',
      secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    });
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('any body, as text or bytes, is accepted by the independent verifier', () => {
    const secret = newSecret();
    fc.assert(
      fc.property(fc.uuid(), fc.json(), fc.boolean(), (id, json, asBytes) => {
        const at = now();
        const signature = sign({
          id,
          timestampSeconds: at,
          body: asBytes ? Buffer.from(json) : json,
          secrets: [secret],
        });
        new Webhook(secret).verify(json, headers(id, at, signature));
      }),
    );
  });

  test('during a rotation the old and the new secret both verify, and a third does not', () => {
    const [fresh, old, stranger] = [newSecret(), newSecret(), newSecret()];
    const at = now();
    const signature = sign({ id: 'msg_1', timestampSeconds: at, body: '{}', secrets: [fresh, old] });
    expect(signature.split(' ')).toHaveLength(2);
    new Webhook(fresh).verify('{}', headers('msg_1', at, signature));
    new Webhook(old).verify('{}', headers('msg_1', at, signature));
    expect(() => new Webhook(stranger).verify('{}', headers('msg_1', at, signature))).toThrow('No matching signature');
  });

  test('a signature does not fit another body, id or time', () => {
    const secret = newSecret();
    const at = now();
    const signature = sign({ id: 'msg_1', timestampSeconds: at, body: '{"a":1}', secrets: [secret] });
    const verifier = new Webhook(secret);
    expect(() => verifier.verify('{"a": 1}', headers('msg_1', at, signature))).toThrow();
    expect(() => verifier.verify('{"a":1}', headers('msg_2', at, signature))).toThrow();
    expect(() => verifier.verify('{"a":1}', headers('msg_1', at + 1, signature))).toThrow();
  });

  test('secrets are whsec_ with 32 random bytes, never twice the same', () => {
    const secrets = Array.from({ length: 100 }, newSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  test.each([
    '',
    'whsec_',
    'whsec_c2hvcnQ=',
    `whsec_${Buffer.alloc(65).toString('base64')}`,
    newSecret().slice(6),
    `${newSecret()}!`,
  ])('a damaged secret is reported instead of signed with: %j', (secret) => {
    expect(() => sign({ id: 'msg_1', timestampSeconds: 1, body: '{}', secrets: [secret] })).toThrow('whsec_');
  });

  test('what would make the signed text ambiguous is refused', () => {
    const good = { id: 'msg_1', timestampSeconds: 1, body: '{}', secrets: [newSecret()] };
    expect(() => sign({ ...good, id: 'msg.1' })).toThrow();
    expect(() => sign({ ...good, id: 'msg\r\nx' })).toThrow();
    expect(() => sign({ ...good, timestampSeconds: 1.5 })).toThrow();
    expect(() => sign({ ...good, secrets: [] })).toThrow();
  });
});
