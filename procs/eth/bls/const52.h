/* Written by derive.py 52. FPC takes the limbs of one field element, least significant first. */
#ifndef PROCS_ETH_BLS_CONST52_H
#define PROCS_ETH_BLS_CONST52_H

/* -1/p modulo 2^52 */
#define FP_INV 0x3fffcfffcfffd

/* p itself, not in Montgomery form */
#define FP_P                                                                                     \
	FPC(0xeffffffffaaab, 0xfeb153ffffb9f, 0x6b0f6241eabff, 0x12bf6730d2a0f, 0x764774b84f385, \
	    0x1ba7b6434bacd, 0x1ea397fe69a4b, 0x1a011)

/* 1 */
#define FP_ONE                                                                                   \
	FPC(0x6480ea8e9b9af, 0x65766c8fe444f, 0x8b540fea96f7d, 0x3b2ee82efd422, 0xa6723e5f0ade5, \
	    0xff6eb6fdd4230, 0xe06ef23c24a25, 0x0000000014c8e)

/* R^2: its product with an integer is that integer in Montgomery form */
#define FP_R2                                                                                    \
	FPC(0xa5bf4cb89af51, 0x3afbba7ca31a2, 0x2646160ec71f1, 0xa84d710465903, 0x3480a4a188311, \
	    0x98e5907ad91f5, 0x2075d74507266, 0x0000000008746)

/* R^3: the same for the upper half of an integer, times R */
#define FP_R3                                                                                    \
	FPC(0x471516ca7ac0c, 0x236b77db88f62, 0x722468923960b, 0x08aaa788fc935, 0xb944540e9ecf5, \
	    0x8657dbb7d51de, 0xa3a3979d68aed, 0x000000000937c)

/* 2^10 p, limb by limb */
#define FP_BIAS                                                                            \
	FPC(0x3bfffffffeaaac00, 0x3fac54ffffee7c00, 0x1ac3d8907aaffc00, 0x4afd9cc34a83c00, \
	    0x1d91dd2e13ce1400, 0x6e9ed90d2eb3400, 0x7a8e5ff9a692c00, 0x6804400)

/* 2^448 / R: its product takes Montgomery form with 2^384 to R */
#define FP_FROM64                                                                                \
	FPC(0x7fde37dba9366, 0x4e27525bc342b, 0x1f5b1e9778489, 0xb872b2b91b9dc, 0xb206f497dfcaf, \
	    0x4137cc89a9b0b, 0xd9d20d7e39959, 0x000000000411c)

/* 2^384 / R: and back */
#define FP_TO64                                                                                  \
	FPC(0x900000002fffd, 0x0bc40c0002760, 0x3c758baebf400, 0x57455f4898575, 0xd77ce58537052, \
	    0x071a97a256ec6, 0xec3fa80e4935c, 0x0000000015f65)

/* 2^384 R: its product with an integer is that, times 2^384, in Montgomery form */
#define FP_WIDE                                                                                  \
	FPC(0xa88c5d24834b0, 0xd5359b14b0f9e, 0x9c8a4699a6624, 0x7ab4b3203bbb9, 0x2f932a92b246b, \
	    0x02bcfcd2a29d1, 0x433fdf679d883, 0x00000000127a0)

/* 1/2 */
#define FP_HALF                                                                                  \
	FPC(0xaa4075474b22d, 0xb213e047f1ff7, 0xfb31b91640dbe, 0x26f727afe7f18, 0x0e5cd98bad0b5, \
	    0x8d8b36a08fe7f, 0xff89451d47238, 0x000000001764f)

/* phi(x, y) = (beta x, y) = [-x^2](x, y) */
#define FP_BETA                                                                                  \
	FPC(0xd75aaff33455f, 0xd095356b7cbb6, 0x953a2f6fa079f, 0x1080cf0a3d697, 0x3f7de3465fe7c, \
	    0x01f71fd6896ec, 0xd9dd9cc172747, 0x0000000007d91)

/* psi^2(x, y) = (PSI2_X x, -y) = [x^2](x, y) */
#define FP_PSI2_X                                                                                \
	FPC(0xa424657e25648, 0xc75706049e739, 0xb59085299e0e2, 0xd9cf17286a964, 0x069ec7cb33aa8, \
	    0x35e995b239c7e, 0x82faa0ff3c329, 0x0000000017601)

/* square root of -5 = -norm(Z) */
#define FP_SQRT_M5                                                                               \
	FPC(0x13040675103d3, 0x9e6e662ab15dd, 0xd8a9f0483360b, 0xaedeea94728cf, 0x4251bce0e1d5d, \
	    0xa2b2c10a5e362, 0x56aed0fa6a8d4, 0x0000000005950)

/* psi(x, y) = (PSI_X conj(x), PSI_Y conj(y)) = [x](x, y) */
#define FP2_PSI_X                                                                                        \
	{                                                                                                \
		FPC(0x0000000000000, 0x0000000000000, 0x0000000000000, 0x0000000000000, 0x0000000000000, \
		    0x0000000000000, 0x0000000000000, 0x0000000000000),                                  \
			FPC(0x18a5500cc654c, 0x2e1c1e9482fe9, 0xd5d532d24a460, 0x023e982695377,          \
			    0x36c99171ef509, 0x19b0966cc23e1, 0x44c5fb3cf7304, 0x000000001227f)          \
	}

/* its y coordinate */
#define FP2_PSI_Y                                                                                        \
	{                                                                                                \
		FPC(0x9c1a677c96161, 0xf16c8708fcef3, 0x94977d28093e6, 0xa06b71c927307, 0xb4fa740f70cc7, \
		    0x844ca7b844683, 0x3f2d89b2709bb, 0x000000000917d),                                  \
			FPC(0x53e598836494a, 0x0d44ccf702cac, 0xd677e519e1819, 0x7253f567ab707,          \
			    0xc14d00a8de6bd, 0x975b0e8b07449, 0xdf760e4bf908f, 0x0000000010e93)          \
	}

/* xi^(i (p - 1) / 6), i = 1..5, xi = 1 + u */
#define FP2_FROB                                                                                          \
	{FPC(0x3f1c002e83512, 0x07b2d5addb4fe, 0xf88722674745b, 0x086dc4175cadf, 0x6f8decd6c7fb1,         \
	     0xb7a3cfa3fdd94, 0x5c66d6d4383f0, 0x000000001119a),                                          \
	 FPC(0xb0e3ffd177599, 0xf6fe7e52246a1, 0x72883fdaa37a4, 0x0a51a31975f2f, 0x06b987e1873d4,         \
	     0x6403e69f4dd39, 0xc23cc12a3165a, 0x0000000008e76)},                                         \
		{FPC(0x0000000000000, 0x0000000000000, 0x0000000000000, 0x0000000000000, 0x0000000000000, \
		     0x0000000000000, 0x0000000000000, 0x0000000000000),                                  \
		 FPC(0xa424657e25648, 0xc75706049e739, 0xb59085299e0e2, 0xd9cf17286a964, 0x069ec7cb33aa8, \
		     0x35e995b239c7e, 0x82faa0ff3c329, 0x0000000017601)},                                 \
		{FPC(0x53e598836494a, 0x0d44ccf702cac, 0xd677e519e1819, 0x7253f567ab707, 0xc14d00a8de6bd, \
		     0x975b0e8b07449, 0xdf760e4bf908f, 0x0000000010e93),                                  \
		 FPC(0x53e598836494a, 0x0d44ccf702cac, 0xd677e519e1819, 0x7253f567ab707, 0xc14d00a8de6bd, \
		     0x975b0e8b07449, 0xdf760e4bf908f, 0x0000000010e93)},                                 \
		{FPC(0x18a5500cc654c, 0x2e1c1e9482fe9, 0xd5d532d24a460, 0x023e982695377, 0x36c99171ef509, \
		     0x19b0966cc23e1, 0x44c5fb3cf7304, 0x000000001227f),                                  \
		 FPC(0x0000000000000, 0x0000000000000, 0x0000000000000, 0x0000000000000, 0x0000000000000, \
		     0x0000000000000, 0x0000000000000, 0x0000000000000)},                                 \
	{                                                                                                 \
		FPC(0xa30198b1ed3b1, 0x16464ea4de60a, 0x63efa53f3e074, 0x6802524e357d8, 0xba9378c7572e9,  \
		    0x335727ebb9710, 0x1d394d21c7a35, 0x000000000801d),                                   \
			FPC(0x4cfe674e0d6fa, 0xe86b055b21595, 0x071fbd02acb8b, 0xaabd14e29d237,           \
			    0xbbb3fbf0f809b, 0xe8508e57923bc, 0x016a4adca2015, 0x0000000011ff4)           \
	}

/* xi^(i (p^2 - 1) / 6), i = 1..5 */
#define FP_FROB2                                                                                          \
	{FPC(0x4bdb9a81d5463, 0x375a4dfb61466, 0xb57edd184cb1d, 0x38f05008680aa, 0x6fa8aced1b8dc,         \
	     0xe5be209111e4f, 0x9ba8f6ff2d721, 0x0000000002a0f)},                                         \
		{FPC(0xd75aaff33455f, 0xd095356b7cbb6, 0x953a2f6fa079f, 0x1080cf0a3d697, 0x3f7de3465fe7c, \
		     0x01f71fd6896ec, 0xd9dd9cc172747, 0x0000000007d91)},                                 \
		{FPC(0x8b7f15715f0fc, 0x993ae7701b750, 0xdfbb525753c82, 0xd7907f01d55ec, 0xcfd536594459f, \
		     0x1c38ff457789c, 0x3e34a5c245025, 0x0000000005382)},                                 \
		{FPC(0xa424657e25648, 0xc75706049e739, 0xb59085299e0e2, 0xd9cf17286a964, 0x069ec7cb33aa8, \
		     0x35e995b239c7e, 0x82faa0ff3c329, 0x0000000017601)},                                 \
	{                                                                                                 \
		FPC(0x18a5500cc654c, 0x2e1c1e9482fe9, 0xd5d532d24a460, 0x023e982695377, 0x36c99171ef509,  \
		    0x19b0966cc23e1, 0x44c5fb3cf7304, 0x000000001227f)                                    \
	}

/* A / u */
#define FP_SSWU_A                                                                                \
	FPC(0x28dbe5b5dbe7b, 0x18b81ae634e1a, 0xbe549cbf63190, 0x7f2baea047ee1, 0xcbca63971569e, \
	    0xd5aa91c16ae50, 0x8bf4b19186595, 0x000000001592c)

/* B / (1 + u) */
#define FP_SSWU_B                                                                                \
	FPC(0xcd9f3bcff5c14, 0x387408d33d90b, 0xdfc0cb4fddbb9, 0xc95027a85d7e4, 0xaa1629fced22a, \
	    0x78541f03c0fd4, 0x823ddac362126, 0x0000000016ec6)

/* generator of G1, affine */
#define FP_G1                                                                                            \
	{                                                                                                \
		FPC(0x4472bd744eda5, 0x4aba9853e1da6, 0x2f10d1383c67c, 0xdbae24ad1c42a, 0x2420588dc26c0, \
		    0x78fcadba8747f, 0x723800f7c53f2, 0x0000000018fc3),                                  \
			FPC(0xf48f35ab57ec8, 0x607f24155c808, 0x338ef00eb416a, 0xc64c4180f80c1,          \
			    0x0c9d0871f1722, 0xaf8a2786d9209, 0xe3df4113aa2ea, 0x0000000008d13)          \
	}

/* generator of G2, affine */
#define FP2_G2                                                                                            \
	{                                                                                                 \
		{FPC(0x81c21765fcce4, 0x7da13527c393e, 0x0fb1e07f221a1, 0xc5e2778825626, 0xb7495e8c30324, \
		     0xdc9e90be8195b, 0x6ffbd6ebee068, 0x000000000b8d3),                                  \
		 FPC(0xe2fae9b852ad2, 0x7791aeec4fd9a, 0x13ea6f6c2386b, 0xdb8832c744af4, 0xc1b08d0600968, \
		     0xc5219cc7b86c9, 0xd53733a24ef7f, 0x00000000098bf)},                                 \
		{                                                                                         \
			FPC(0xb4dfb1f8a341a, 0x73856e5d4e6ff, 0x9fa3a618d4151, 0xdab241dfec176,           \
			    0x73d46b083fde6, 0x0193e3a48772f, 0xdcd75cc89ce04, 0x0000000018530),          \
				FPC(0xcd5053a64f648, 0x4692b38884ec8, 0x6f088a073f949, 0xe7a62cce7b9ab,   \
				    0x5830b4173aba7, 0xfc43a08f9a711, 0x43f6fee01640a, 0x000000000d5e6)   \
		}                                                                                         \
	}

/* (p - 3) / 4 by a sliding window: square n times, multiply by the k-th power (k = 0: don't). */
#define FP_CHAIN                                                                                         \
	{4, 13}, {13, 17}, {7, 15}, {4, 5}, {6, 7}, {7, 23}, {5, 31}, {5, 25}, {3, 5}, {6, 13}, {6, 9},  \
		{3, 3}, {8, 27}, {3, 5}, {6, 15}, {6, 27}, {3, 1}, {8, 13}, {7, 23}, {5, 11}, {6, 13},   \
		{6, 29}, {4, 9}, {8, 29}, {4, 13}, {7, 23}, {9, 19}, {5, 25}, {2, 3}, {7, 5}, {7, 9},    \
		{6, 23}, {5, 29}, {5, 19}, {5, 19}, {8, 13}, {7, 21}, {9, 15}, {5, 13}, {3, 3}, {8, 15}, \
		{3, 3}, {7, 9}, {9, 15}, {6, 21}, {6, 31}, {5, 31}, {5, 31}, {4, 13}, {3, 3}, {8, 21},   \
		{7, 31}, {5, 31}, {5, 31}, {4, 15}, {4, 7}, {7, 31}, {5, 29}, {5, 31}, {5, 31}, {5, 31}, \
		{5, 31}, {5, 31}, {5, 31}, {4, 13}, {6, 21}, {4, 5},                                     \
	{                                                                                                \
		1, 0                                                                                     \
	}

#endif
