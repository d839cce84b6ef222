#!/usr/bin/env python3
"""Derives every constant of const.h and const52.h from the curve's parameter x and the definitions of the tower
(Fp2 = Fp[u]/(u^2 + 1), Fp12 over Fp2 by w^6 = 1 + u), of RFC 9380's suite and of the generators.

    python3 derive.py 64 >const.h       limbs of 64 bits, Montgomery R = 2^384
    python3 derive.py 52 >const52.h     limbs of 52 bits, Montgomery R = 2^416, one per vector

Every step that could go wrong is asserted here; tests/bls checks the results a second time, in C."""
import sys

X = -0xD201000000010000
R = X**4 - X**2 + 1
P = (X - 1) ** 2 * R // 3 + X


class Fp2:
    def __init__(self, a, b=0):
        self.a, self.b = a % P, b % P

    def __add__(self, o):
        return Fp2(self.a + o.a, self.b + o.b)

    def __sub__(self, o):
        return Fp2(self.a - o.a, self.b - o.b)

    def __mul__(self, o):
        return Fp2(self.a * o.a - self.b * o.b, self.a * o.b + self.b * o.a)

    def __eq__(self, o):
        return (self.a, self.b) == (o.a, o.b)

    def __pow__(self, e):
        r, b = Fp2(1), self
        while e:
            if e & 1:
                r = r * b
            b, e = b * b, e >> 1
        return r

    def inv(self):
        n = pow(self.a * self.a + self.b * self.b, P - 2, P)
        return Fp2(self.a * n, -self.b * n)

    def conj(self):
        return Fp2(self.a, -self.b)


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if not p[1] == q[1]:
            return None
        m = Fp2(3) * p[0] * p[0] * (Fp2(2) * p[1]).inv()
    else:
        m = (q[1] - p[1]) * (q[0] - p[0]).inv()
    x = m * m - p[0] - q[0]
    return x, m * (p[0] - x) - p[1]


def mul(k, p):
    if k < 0:
        return mul(-k, (p[0], Fp2(0) - p[1]))
    r = None
    while k:
        if k & 1:
            r = add(r, p)
        p, k = add(p, p), k >> 1
    return r


XI = Fp2(1, 1)
G1 = (0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
      0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1)
G2 = (Fp2(0x024AA2B2F08F0A91260805272DC51051C6E47AD4FA403B02B4510B647AE3D1770BAC0326A805BBEFD48056C8C121BDB8,
          0x13E02B6052719F607DACD3A088274F65596BD0D09920B61AB5DA61BBDC7F5049334CF11213945D57E5AC7D055D042B7E),
      Fp2(0x0CE5D527727D6E118CC9CDC6DA2E351AADFD9BAA8CBDD3A76D429A695160D12C923AC9CC3BACA289E193548608B82801,
          0x0606C4A02EA734CC32ACD2B02BC28B99CB3E287E85A763AF267492AB572E99AB3F370D275CEC1DA1AAA9075FF05F79BE))

# psi = twist o Frobenius o untwist: multiplication by x on the subgroup.
PSI_X = (XI ** ((P - 1) // 3)).inv()
PSI_Y = (XI ** ((P - 1) // 2)).inv()
psi = lambda q: (q[0].conj() * PSI_X, q[1].conj() * PSI_Y)
assert mul(R, G2) is None and psi(G2) == mul(X, G2)
PSI2_X = PSI_X.conj() * PSI_X
assert PSI2_X.b == 0 and PSI_Y.conj() * PSI_Y == Fp2(-1)

# phi: (x, y) -> (beta x, y), beta a cube root of one; of the two, the one that multiplies by -x^2.
g1 = (Fp2(G1[0]), Fp2(G1[1]))
BETA = next(b for b in (pow(g, (P - 1) // 3, P) for g in range(2, 9)) if b != 1)
if not mul(-X * X, g1) == (Fp2(BETA) * g1[0], g1[1]):
    BETA = BETA * BETA % P
assert mul(R, g1) is None and mul(-X * X, g1) == (Fp2(BETA) * g1[0], g1[1])

FROB = [XI ** (i * (P - 1) // 6) for i in range(1, 6)]
FROB2 = [(f * f.conj()) for f in FROB]
assert all(f.b == 0 for f in FROB2)

# SSWU for G2: E' with A = 240 u, B = 1012 (1 + u), Z = -(2 + u). sqrt(-5) turns the root of -n, n not a square,
# into the root of norm(Z) n = 5 n.
A, B, Z = Fp2(0, 240), Fp2(1012, 1012), Fp2(-2, -1)
SQRT_M5 = pow(P - 5, (P + 1) // 4, P)
assert SQRT_M5 * SQRT_M5 % P == P - 5

# The 3-isogeny E' -> E by Velu's formulas with kernel x = -6 + 6u: its constants are small, so the code has them.
x0 = Fp2(-6, 6)
t, u = Fp2(6) * x0 * x0 + Fp2(2) * A, Fp2(4) * (x0 * x0 * x0 + A * x0 + B)
assert t == Fp2(0, 48) and u == Fp2(16, 16)
assert A - Fp2(5) * t == Fp2(0) and B - Fp2(7) * (u + x0 * t) == Fp2(4 * 729) * XI


def chain(e, w=5):
    """Sliding window from the top: (squarings, odd power to multiply by); the first entry only loads."""
    out, bits, i, sq = [], bin(e)[2:], 0, 0
    while i < len(bits):
        if bits[i] == "0":
            sq, i = sq + 1, i + 1
            continue
        j = min(i + w, len(bits))
        while bits[j - 1] == "0":
            j -= 1
        out.append((sq + j - i, int(bits[i:j], 2)))
        sq, i = 0, j
    return out + ([(sq, 0)] if sq else [])


def show(name, rows, bits, comment):
    """A macro for one element, or for a list of rows; a row is a tuple of elements, integers mod p."""
    n, rr = (6, 1 << 384) if bits == 64 else (8, 1 << 416)

    def fp(v):
        limbs = ["0x%0*x" % (bits // 4, v >> (bits * i) & ((1 << bits) - 1)) for i in range(n)]
        return "FPC(%s, \\\n\t    %s)" % (", ".join(limbs[: n // 2]), ", ".join(limbs[n // 2 :]))

    def row(r):
        return "{" + ", \\\n\t ".join(row(e) if isinstance(e, tuple) else fp(e * rr % P) for e in r) + "}"

    body = fp(rows * rr % P) if isinstance(rows, int) else ", \\\n\t".join(row(r) for r in rows)
    print(f"/* {comment} */\n#define {name} \\\n\t{body}\n")


def flat(v):
    return (v.a, v.b)


def main():
    bits = int(sys.argv[1])
    guard = f"PROCS_ETH_BLS_CONST{'' if bits == 64 else '52'}_H"
    rr = 1 << (384 if bits == 64 else 416)
    print(f"/* Written by derive.py {bits}. FPC takes the limbs of one field element, least significant first. */")
    print(f"#ifndef {guard}\n#define {guard}\n")
    print(f"/* -1/p modulo 2^{bits} */")
    print(f"#define FP_INV 0x{-pow(P, -1, 1 << bits) % (1 << bits):x}\n")
    n, limb = (6, 64) if bits == 64 else (8, 52)
    limbs = ", ".join("0x%x" % (P >> (limb * i) & ((1 << limb) - 1)) for i in range(n))
    print(f"/* p itself, not in Montgomery form */\n#define FP_P FPC({limbs})\n")
    show("FP_ONE", 1, bits, "1")
    show("FP_R2", rr, bits, "R^2: its product with an integer is that integer in Montgomery form")
    show("FP_R3", rr * rr, bits, "R^3: the same for the upper half of an integer, times R")
    if bits == 52:
        bias = ", ".join("0x%x" % (1024 * (P >> (limb * i) & ((1 << limb) - 1))) for i in range(n))
        print(f"/* 2^10 p, limb by limb */\n#define FP_BIAS FPC({bias})\n")
        show("FP_FROM64", 2**448 * pow(rr, -1, P), bits, "2^448 / R: its product takes Montgomery form with 2^384 to R")
        show("FP_TO64", 2**384 * pow(rr, -1, P), bits, "2^384 / R: and back")
        show("FP_WIDE", 2**384 * rr, bits, "2^384 R: its product with an integer is that, times 2^384, in Montgomery form")
    show("FP_HALF", pow(2, -1, P), bits, "1/2")
    show("FP_BETA", BETA, bits, "phi(x, y) = (beta x, y) = [-x^2](x, y)")
    show("FP_PSI2_X", PSI2_X.a, bits, "psi^2(x, y) = (PSI2_X x, -y) = [x^2](x, y)")
    show("FP_SQRT_M5", SQRT_M5, bits, "square root of -5 = -norm(Z)")
    show("FP2_PSI_X", [flat(PSI_X)], bits, "psi(x, y) = (PSI_X conj(x), PSI_Y conj(y)) = [x](x, y)")
    show("FP2_PSI_Y", [flat(PSI_Y)], bits, "its y coordinate")
    show("FP2_FROB", [flat(f) for f in FROB], bits, "xi^(i (p - 1) / 6), i = 1..5, xi = 1 + u")
    show("FP_FROB2", [(f.a,) for f in FROB2], bits, "xi^(i (p^2 - 1) / 6), i = 1..5")
    show("FP_SSWU_A", 240, bits, "A / u")
    show("FP_SSWU_B", 1012, bits, "B / (1 + u)")
    show("FP_G1", [G1], bits, "generator of G1, affine")
    show("FP2_G2", [(flat(G2[0]), flat(G2[1]))], bits, "generator of G2, affine")
    steps = chain((P - 3) // 4)
    print("/* (p - 3) / 4 by a sliding window: square n times, multiply by the k-th power (k = 0: don't). */")
    print("#define FP_CHAIN \\")
    text = ["{%d, %d}" % s for s in steps]
    lines = [", ".join(text[i:i + 10]) for i in range(0, len(text), 10)]
    print("\t" + ", \\\n\t".join(lines) + "\n")
    print("#endif")


main()
