/* Written by derive.py 64. FPC takes the limbs of one field element, least significant first. */
#ifndef PROCS_ETH_BLS_CONST_H
#define PROCS_ETH_BLS_CONST_H

/* -1/p modulo 2^64 */
#define FP_INV 0x89f3fffcfffcfffd

/* p itself, not in Montgomery form */
#define FP_P                                                                                \
	FPC(0xb9feffffffffaaab, 0x1eabfffeb153ffff, 0x6730d2a0f6b0f624, 0x64774b84f38512bf, \
	    0x4b1ba7b6434bacd7, 0x1a0111ea397fe69a)

/* 1 */
#define FP_ONE                                                                              \
	FPC(0x760900000002fffd, 0xebf4000bc40c0002, 0x5f48985753c758ba, 0x77ce585370525745, \
	    0x5c071a97a256ec6d, 0x15f65ec3fa80e493)

/* R^2: its product with an integer is that integer in Montgomery form */
#define FP_R2                                                                               \
	FPC(0xf4df1f341c341746, 0x0a76e6a609d104f1, 0x8de5476c4c95b6d5, 0x67eb88a9939d83c0, \
	    0x9a793e85b519952d, 0x11988fe592cae3aa)

/* R^3: the same for the upper half of an integer, times R */
#define FP_R3                                                                               \
	FPC(0xed48ac6bd94ca1e0, 0x315f831e03a7adf8, 0x9a53352a615e29dd, 0x34c04e5e921e1761, \
	    0x2512d43565724728, 0x0aa6346091755d4d)

/* 1/2 */
#define FP_HALF                                                                             \
	FPC(0x1804000000015554, 0x855000053ab00001, 0x633cb57c253c276f, 0x6e22d1ec31ebb502, \
	    0xd3916126f2d14ca2, 0x17fbb8571a006596)

/* phi(x, y) = (beta x, y) = [-x^2](x, y) */
#define FP_BETA                                                                             \
	FPC(0x30f1361b798a64e8, 0xf3b8ddab7ece5a2a, 0x16a8ca3ac61577f7, 0xc26a2ff874fd029b, \
	    0x3636b76660701c6e, 0x051ba4ab241b6160)

/* psi^2(x, y) = (PSI2_X x, -y) = [x^2](x, y) */
#define FP_PSI2_X                                                                           \
	FPC(0xcd03c9e48671f071, 0x5dab22461fcda5d2, 0x587042afd3851b95, 0x8eb60ebe01bacb9e, \
	    0x03f97d6e83d050d2, 0x18f0206554638741)

/* square root of -5 = -norm(Z) */
#define FP_SQRT_M5                                                                          \
	FPC(0xcd94f7407f49f0ba, 0xe4f81e0fa6c4f72d, 0x30e77d854799eedb, 0xc442e208de13f299, \
	    0x15a4f8f75facaabe, 0x135bd2bfe164a855)

/* psi(x, y) = (PSI_X conj(x), PSI_Y conj(y)) = [x](x, y) */
#define FP2_PSI_X                                                                                           \
	{                                                                                                   \
		FPC(0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,         \
		    0x0000000000000000, 0x0000000000000000),                                                \
			FPC(0x890dc9e4867545c3, 0x2af322533285a5d5, 0x50880866309b7e2c, 0xa20d1b8c7e881024, \
			    0x14e4f04fe2db9068, 0x14e56d3f1564853a)                                         \
	}

/* its y coordinate */
#define FP2_PSI_Y                                                                                           \
	{                                                                                                   \
		FPC(0x3e2f585da55c9ad1, 0x4294213d86c18183, 0x382844c88b623732, 0x92ad2afd19103e18,         \
		    0x1d794e4fac7cf0b9, 0x0bd592fc7d825ec8),                                                \
			FPC(0x7bcfa7a25aa30fda, 0xdc17dec12a927e7c, 0x2f088dd86b4ebef1, 0xd1ca2087da74d4a7, \
			    0x2da2596696cebc1d, 0x0e2b7eedbbfd87d2)                                         \
	}

/* xi^(i (p - 1) / 6), i = 1..5, xi = 1 + u */
#define FP2_FROB                                                                                            \
	{FPC(0x07089552b319d465, 0xc6695f92b50a8313, 0x97e83cccd117228f, 0xa35baecab2dc29ee,                \
	     0x1ce393ea5daace4d, 0x08f2220fb0fb66eb),                                                       \
	 FPC(0xb2f66aad4ce5d646, 0x5842a06bfc497cec, 0xcf4895d42599d394, 0xc11b9cba40a8e8d0,                \
	     0x2e3813cbe5a0de89, 0x110eefda88847faf)},                                                      \
		{FPC(0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,        \
		     0x0000000000000000, 0x0000000000000000),                                               \
		 FPC(0xcd03c9e48671f071, 0x5dab22461fcda5d2, 0x587042afd3851b95, 0x8eb60ebe01bacb9e,        \
		     0x03f97d6e83d050d2, 0x18f0206554638741)},                                              \
		{FPC(0x7bcfa7a25aa30fda, 0xdc17dec12a927e7c, 0x2f088dd86b4ebef1, 0xd1ca2087da74d4a7,        \
		     0x2da2596696cebc1d, 0x0e2b7eedbbfd87d2),                                               \
		 FPC(0x7bcfa7a25aa30fda, 0xdc17dec12a927e7c, 0x2f088dd86b4ebef1, 0xd1ca2087da74d4a7,        \
		     0x2da2596696cebc1d, 0x0e2b7eedbbfd87d2)},                                              \
		{FPC(0x890dc9e4867545c3, 0x2af322533285a5d5, 0x50880866309b7e2c, 0xa20d1b8c7e881024,        \
		     0x14e4f04fe2db9068, 0x14e56d3f1564853a),                                               \
		 FPC(0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,        \
		     0x0000000000000000, 0x0000000000000000)},                                              \
	{                                                                                                   \
		FPC(0x82d83cf50dbce43f, 0xa2813e53df9d018f, 0xc6f0caa53c65e181, 0x7525cf528d50fe95,         \
		    0x4a85ed50f4798a6b, 0x171da0fd6cf8eebd),                                                \
			FPC(0x3726c30af242c66c, 0x7c2ac1aad1b6fe70, 0xa04007fbba4b14a2, 0xef517c3266341429, \
			    0x0095ba654ed2226b, 0x02e370eccc86f7dd)                                         \
	}

/* xi^(i (p^2 - 1) / 6), i = 1..5 */
#define FP_FROB2                                                                                     \
	{FPC(0xecfb361b798dba3a, 0xc100ddb891865a2c, 0x0ec08ff1232bda8e, 0xd5c13cc6f1ca4721,         \
	     0x47222a47bf7b5c04, 0x0110f184e51c5f59)},                                               \
		{FPC(0x30f1361b798a64e8, 0xf3b8ddab7ece5a2a, 0x16a8ca3ac61577f7, 0xc26a2ff874fd029b, \
		     0x3636b76660701c6e, 0x051ba4ab241b6160)},                                       \
		{FPC(0x43f5fffffffcaaae, 0x32b7fff2ed47fffd, 0x07e83a49a2e99d69, 0xeca8f3318332bb7a, \
		     0xef148d1ea0f4c069, 0x040ab3263eff0206)},                                       \
		{FPC(0xcd03c9e48671f071, 0x5dab22461fcda5d2, 0x587042afd3851b95, 0x8eb60ebe01bacb9e, \
		     0x03f97d6e83d050d2, 0x18f0206554638741)},                                       \
	{                                                                                            \
		FPC(0x890dc9e4867545c3, 0x2af322533285a5d5, 0x50880866309b7e2c, 0xa20d1b8c7e881024,  \
		    0x14e4f04fe2db9068, 0x14e56d3f1564853a)                                          \
	}

/* A / u */
#define FP_SSWU_A                                                                           \
	FPC(0xe53a000003135242, 0x01080c0fdef80285, 0xe7889edbe340f6bd, 0x0b51375126310601, \
	    0x02d6985717c744ab, 0x1220b4e979ea5467)

/* B / (1 + u) */
#define FP_SSWU_B                                                                           \
	FPC(0x22ea00000cf89db2, 0x6ec832df71380aa4, 0x6e1b94403db5a66e, 0x75bf3c53a79473ba, \
	    0x3dd3a569412c0a34, 0x125cdb5e74dc4fd1)

/* generator of G1, affine */
#define FP_G1                                                                                               \
	{                                                                                                   \
		FPC(0x5cb38790fd530c16, 0x7817fc679976fff5, 0x154f95c7143ba1c1, 0xf0ae6acdf3d0e747,         \
		    0xedce6ecc21dbf440, 0x120177419e0bfb75),                                                \
			FPC(0xbaac93d50ce72271, 0x8c22631a7918fd8e, 0xdd595f13570725ce, 0x51ac582950405194, \
			    0x0e1c8c3fad0059c0, 0x0bbc3efc5008a26a)                                         \
	}

/* generator of G2, affine */
#define FP2_G2                                                                                              \
	{                                                                                                   \
		{FPC(0xf5f28fa202940a10, 0xb3f5fb2687b4961a, 0xa1a893b53e2ae580, 0x9894999d1a3caee9,        \
		     0x6f67b7631863366b, 0x058191924350bcd7),                                               \
		 FPC(0xa5a9c0759e23f606, 0xaaa0c59dbccd60c3, 0x3bb17e18e2867806, 0x1b1ab6cc8541b367,        \
		     0xc2b6ed0ef2158547, 0x11922a097360edf3)},                                              \
		{                                                                                           \
			FPC(0x4c730af860494c4a, 0x597cfa1f5e369c5a, 0xe7e6856caa0a635a, 0xbbefb5e96e0d495f, \
			    0x07d3a975f0ef25a2, 0x0083fd8e7e80dae5),                                        \
				FPC(0xadc0fc92df64b05d, 0x18aa270a2b1461dc, 0x86adac6a3be4eba0,             \
				    0x79495c4ec93da33a, 0xe7175850a43ccaed, 0x0b2bc2a163de1bf2)             \
		}                                                                                           \
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
