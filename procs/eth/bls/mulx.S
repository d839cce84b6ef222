/* Field products with mulx, adcx and adox (Intel, "Large integer squaring", 2012): two carry chains, one in CF
 * and one in OF, run through a row of partial products side by side. System V calling convention; all products of
 * fp.h's contract. */
#if defined(__x86_64__)

#define R %rdi
#define A %rsi
#define B %rcx
#define LO %rax
#define HI %rbx

	.section .rodata
	.balign	64
p:	.quad	0xb9feffffffffaaab, 0x1eabfffeb153ffff, 0x6730d2a0f6b0f624
	.quad	0x64774b84f38512bf, 0x4b1ba7b6434bacd7, 0x1a0111ea397fe69a
inv:	.quad	0x89f3fffcfffcfffd

	.text

.macro enter
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm

.macro leave_ret
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
.endm

/* Operands in memory are named by offset and register: ao, a is ao(a).
 *
 * t0..t6 = a rdx */
.macro row_first ao, a, t0, t1, t2, t3, t4, t5, t6
	mulx	\ao+0(\a), \t0, \t1
	mulx	\ao+8(\a), LO, \t2
	add	LO, \t1
	mulx	\ao+16(\a), LO, \t3
	adc	LO, \t2
	mulx	\ao+24(\a), LO, \t4
	adc	LO, \t3
	mulx	\ao+32(\a), LO, \t5
	adc	LO, \t4
	mulx	\ao+40(\a), LO, \t6
	adc	LO, \t5
	adc	$0, \t6
.endm

/* t0..t5 += a rdx, t6 the limb above */
.macro row ao, a, t0, t1, t2, t3, t4, t5, t6
	xor	\t6, \t6
	mulx	\ao+0(\a), LO, HI
	adcx	LO, \t0
	adox	HI, \t1
	mulx	\ao+8(\a), LO, HI
	adcx	LO, \t1
	adox	HI, \t2
	mulx	\ao+16(\a), LO, HI
	adcx	LO, \t2
	adox	HI, \t3
	mulx	\ao+24(\a), LO, HI
	adcx	LO, \t3
	adox	HI, \t4
	mulx	\ao+32(\a), LO, HI
	adcx	LO, \t4
	adox	HI, \t5
	mulx	\ao+40(\a), LO, HI
	adcx	LO, \t5
	adox	HI, \t6
	mov	$0, LO
	adcx	LO, \t6
.endm

/* t0..t6 += p (-t0 / p mod 2^64): t0 becomes zero. */
.macro reduce t0, t1, t2, t3, t4, t5, t6
	mov	\t0, %rdx
	imul	inv(%rip), %rdx
	xor	LO, LO
	mulx	p(%rip), LO, HI
	adcx	\t0, LO
	adox	HI, \t1
	mulx	p+8(%rip), LO, HI
	adcx	LO, \t1
	adox	HI, \t2
	mulx	p+16(%rip), LO, HI
	adcx	LO, \t2
	adox	HI, \t3
	mulx	p+24(%rip), LO, HI
	adcx	LO, \t3
	adox	HI, \t4
	mulx	p+32(%rip), LO, HI
	adcx	LO, \t4
	adox	HI, \t5
	mulx	p+40(%rip), LO, HI
	adcx	LO, \t5
	adox	HI, \t6
	mov	$0, LO
	adcx	LO, \t6
.endm

/* The same where nothing is above t5 yet. */
.macro reduce_low t0, t1, t2, t3, t4, t5
	mov	\t0, %rdx
	imul	inv(%rip), %rdx
	xor	LO, LO
	mulx	p(%rip), LO, HI
	adcx	\t0, LO
	adox	HI, \t1
	mulx	p+8(%rip), LO, HI
	adcx	LO, \t1
	adox	HI, \t2
	mulx	p+16(%rip), LO, HI
	adcx	LO, \t2
	adox	HI, \t3
	mulx	p+24(%rip), LO, HI
	adcx	LO, \t3
	adox	HI, \t4
	mulx	p+32(%rip), LO, HI
	adcx	LO, \t4
	adox	HI, \t5
	mov	$0, \t0
	mulx	p+40(%rip), LO, HI
	adcx	LO, \t5
	adox	HI, \t0
	adc	$0, \t0
.endm

/* r = t, minus p unless below it; four limbs' copies are in registers of the caller's choice, two in LO and HI */
.macro finish ro, r, t0, t1, t2, t3, t4, t5, s0, s1, s2, s3
	mov	\t0, \s0
	mov	\t1, \s1
	mov	\t2, \s2
	mov	\t3, \s3
	mov	\t4, LO
	mov	\t5, HI
	sub	p(%rip), \s0
	sbb	p+8(%rip), \s1
	sbb	p+16(%rip), \s2
	sbb	p+24(%rip), \s3
	sbb	p+32(%rip), LO
	sbb	p+40(%rip), HI
	cmovc	\t0, \s0
	cmovc	\t1, \s1
	cmovc	\t2, \s2
	cmovc	\t3, \s3
	cmovc	\t4, LO
	cmovc	\t5, HI
	mov	\s0, \ro+0(\r)
	mov	\s1, \ro+8(\r)
	mov	\s2, \ro+16(\r)
	mov	\s3, \ro+24(\r)
	mov	LO, \ro+32(\r)
	mov	HI, \ro+40(\r)
.endm

/* w = a b */
.macro mul_wide wo, w, ao, a, bo, b
	mov	\bo+0(\b), %rdx
	row_first \ao, \a, %r8, %r9, %r10, %r11, %r12, %r13, %r14
	mov	%r8, \wo+0(\w)
	mov	\bo+8(\b), %rdx
	row \ao, \a, %r9, %r10, %r11, %r12, %r13, %r14, %r8
	mov	%r9, \wo+8(\w)
	mov	\bo+16(\b), %rdx
	row \ao, \a, %r10, %r11, %r12, %r13, %r14, %r8, %r9
	mov	%r10, \wo+16(\w)
	mov	\bo+24(\b), %rdx
	row \ao, \a, %r11, %r12, %r13, %r14, %r8, %r9, %r10
	mov	%r11, \wo+24(\w)
	mov	\bo+32(\b), %rdx
	row \ao, \a, %r12, %r13, %r14, %r8, %r9, %r10, %r11
	mov	%r12, \wo+32(\w)
	mov	\bo+40(\b), %rdx
	row \ao, \a, %r13, %r14, %r8, %r9, %r10, %r11, %r12
	mov	%r13, \wo+40(\w)
	mov	%r14, \wo+48(\w)
	mov	%r8, \wo+56(\w)
	mov	%r9, \wo+64(\w)
	mov	%r10, \wo+72(\w)
	mov	%r11, \wo+80(\w)
	mov	%r12, \wo+88(\w)
.endm

/* r = w / R: the lower half is reduced to at most p, then the upper half is added. */
.macro redc ro, r, wo, w
	mov	\wo+0(\w), %r8
	mov	\wo+8(\w), %r9
	mov	\wo+16(\w), %r10
	mov	\wo+24(\w), %r11
	mov	\wo+32(\w), %r12
	mov	\wo+40(\w), %r13
	reduce_low %r8, %r9, %r10, %r11, %r12, %r13
	reduce_low %r9, %r10, %r11, %r12, %r13, %r8
	reduce_low %r10, %r11, %r12, %r13, %r8, %r9
	reduce_low %r11, %r12, %r13, %r8, %r9, %r10
	reduce_low %r12, %r13, %r8, %r9, %r10, %r11
	reduce_low %r13, %r8, %r9, %r10, %r11, %r12
	add	\wo+48(\w), %r8
	adc	\wo+56(\w), %r9
	adc	\wo+64(\w), %r10
	adc	\wo+72(\w), %r11
	adc	\wo+80(\w), %r12
	adc	\wo+88(\w), %r13
	finish	\ro, \r, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %rdx, %rbp
.endm

/* r = a b / R */
.macro mul ro, r, ao, a, bo, b
	mov	\bo+0(\b), %rdx
	row_first \ao, \a, %r8, %r9, %r10, %r11, %r12, %r13, %r14
	reduce	%r8, %r9, %r10, %r11, %r12, %r13, %r14
	mov	\bo+8(\b), %rdx
	row	\ao, \a, %r9, %r10, %r11, %r12, %r13, %r14, %r8
	reduce	%r9, %r10, %r11, %r12, %r13, %r14, %r8
	mov	\bo+16(\b), %rdx
	row	\ao, \a, %r10, %r11, %r12, %r13, %r14, %r8, %r9
	reduce	%r10, %r11, %r12, %r13, %r14, %r8, %r9
	mov	\bo+24(\b), %rdx
	row	\ao, \a, %r11, %r12, %r13, %r14, %r8, %r9, %r10
	reduce	%r11, %r12, %r13, %r14, %r8, %r9, %r10
	mov	\bo+32(\b), %rdx
	row	\ao, \a, %r12, %r13, %r14, %r8, %r9, %r10, %r11
	reduce	%r12, %r13, %r14, %r8, %r9, %r10, %r11
	mov	\bo+40(\b), %rdx
	row	\ao, \a, %r13, %r14, %r8, %r9, %r10, %r11, %r12
	reduce	%r13, %r14, %r8, %r9, %r10, %r11, %r12
	finish	\ro, \r, %r14, %r8, %r9, %r10, %r11, %r12, %r13, %r15, %rdx, %rbp
.endm

/* r8..r13 = a + b, or a - b, without reduction; the carry is left */
.macro chain6 op, opc, ao, a, bo, b
	mov	\ao(\a), %r8
	mov	\ao+8(\a), %r9
	mov	\ao+16(\a), %r10
	mov	\ao+24(\a), %r11
	mov	\ao+32(\a), %r12
	mov	\ao+40(\a), %r13
	\op	\bo(\b), %r8
	\opc	\bo+8(\b), %r9
	\opc	\bo+16(\b), %r10
	\opc	\bo+24(\b), %r11
	\opc	\bo+32(\b), %r12
	\opc	\bo+40(\b), %r13
.endm

.macro store6 ro, r
	mov	%r8, \ro(\r)
	mov	%r9, \ro+8(\r)
	mov	%r10, \ro+16(\r)
	mov	%r11, \ro+24(\r)
	mov	%r12, \ro+32(\r)
	mov	%r13, \ro+40(\r)
.endm

/* r8..r13 += p where the carry is set */
.macro add_p_if_carry
	sbb	LO, LO
	mov	p(%rip), HI
	mov	p+8(%rip), %r14
	mov	p+16(%rip), %r15
	mov	p+24(%rip), %rbp
	and	LO, HI
	and	LO, %r14
	and	LO, %r15
	and	LO, %rbp
	mov	p+32(%rip), %rdx
	and	LO, %rdx
	and	p+40(%rip), LO
	add	HI, %r8
	adc	%r14, %r9
	adc	%r15, %r10
	adc	%rbp, %r11
	adc	%rdx, %r12
	adc	LO, %r13
.endm

/* r = a + b modulo p */
.macro add_mod ro, r, ao, a, bo, b
	chain6	add, adc, \ao, \a, \bo, \b
	finish	\ro, \r, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %rdx, %rbp
.endm

.macro sub_mod ro, r, ao, a, bo, b
	chain6	sub, sbb, \ao, \a, \bo, \b
	add_p_if_carry
	store6	\ro, \r
.endm

/* Twelve limbs: the lower half as it is, the upper half modulo p. mov leaves the carry alone. */
.macro addw ro, r, ao, a, bo, b
	chain6	add, adc, \ao, \a, \bo, \b
	store6	\ro, \r
	chain6	adc, adc, \ao+48, \a, \bo+48, \b
	finish	\ro+48, \r, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %rdx, %rbp
.endm

.macro subw ro, r, ao, a, bo, b
	chain6	sub, sbb, \ao, \a, \bo, \b
	store6	\ro, \r
	chain6	sbb, sbb, \ao+48, \a, \bo+48, \b
	add_p_if_carry
	store6	\ro+48, \r
.endm

/* r -= b, which is no larger */
.macro subw_positive ro, r, bo, b
	chain6	sub, sbb, \ro, \r, \bo, \b
	store6	\ro, \r
	chain6	sbb, sbb, \ro+48, \r, \bo+48, \b
	store6	\ro+48, \r
.endm

.macro function name
	.balign	32
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
.endm

/* void bls_fpw_mul_adx(struct fpw *r, const struct fp *a, const struct fp *b) */
function bls_fpw_mul_adx
	enter
	mov	%rdx, B
	mul_wide 0, R, 0, A, 0, B
	leave_ret
	.size	bls_fpw_mul_adx, .-bls_fpw_mul_adx

/* void bls_fp_redc_adx(struct fp *r, const struct fpw *a) */
function bls_fp_redc_adx
	enter
	redc	0, R, 0, A
	leave_ret
	.size	bls_fp_redc_adx, .-bls_fp_redc_adx

/* void bls_fp_mul_adx(struct fp *r, const struct fp *a, const struct fp *b) */
function bls_fp_mul_adx
	enter
	mov	%rdx, B
	mul	0, R, 0, A, 0, B
	leave_ret
	.size	bls_fp_mul_adx, .-bls_fp_mul_adx

/* void bls_fp_sqr_adx(struct fp *r, const struct fp *a): the products above the diagonal once, doubled. */
function bls_fp_sqr_adx
	enter
	sub	$104, %rsp
	/* limbs 1..10 of the cross products: r8..r15, rbp, rcx hold them as they come */
	mov	0(A), %rdx
	mulx	8(A), %r8, %r9
	mulx	16(A), LO, %r10
	add	LO, %r9
	mulx	24(A), LO, %r11
	adc	LO, %r10
	mulx	32(A), LO, %r12
	adc	LO, %r11
	mulx	40(A), LO, %r13
	adc	LO, %r12
	adc	$0, %r13
	/* r8..r13 = limbs 1..6 */
	mov	8(A), %rdx
	xor	%r14, %r14
	mulx	16(A), LO, HI
	adcx	LO, %r10
	adox	HI, %r11
	mulx	24(A), LO, HI
	adcx	LO, %r11
	adox	HI, %r12
	mulx	32(A), LO, HI
	adcx	LO, %r12
	adox	HI, %r13
	mulx	40(A), LO, HI
	adcx	LO, %r13
	adox	HI, %r14
	mov	$0, LO
	adcx	LO, %r14
	/* r14 = limb 7 */
	mov	16(A), %rdx
	xor	%r15, %r15
	mulx	24(A), LO, HI
	adcx	LO, %r12
	adox	HI, %r13
	mulx	32(A), LO, HI
	adcx	LO, %r13
	adox	HI, %r14
	mulx	40(A), LO, HI
	adcx	LO, %r14
	adox	HI, %r15
	mov	$0, LO
	adcx	LO, %r15
	/* r15 = limb 8 */
	mov	24(A), %rdx
	xor	%rbp, %rbp
	mulx	32(A), LO, HI
	adcx	LO, %r14
	adox	HI, %r15
	mulx	40(A), LO, HI
	adcx	LO, %r15
	adox	HI, %rbp
	mov	$0, LO
	adcx	LO, %rbp
	/* rbp = limb 9 */
	mov	32(A), %rdx
	mulx	40(A), LO, %rcx
	add	LO, %rbp
	adc	$0, %rcx
	/* rcx = limb 10; double, and add the squares: CF carries the doubling, OF the squares */
	mov	0(A), %rdx
	xor	LO, LO
	mulx	%rdx, LO, HI
	mov	LO, 0(%rsp)
	adcx	%r8, %r8
	adox	HI, %r8
	mov	%r8, 8(%rsp)
	mov	8(A), %rdx
	mulx	%rdx, LO, HI
	adcx	%r9, %r9
	adox	LO, %r9
	mov	%r9, 16(%rsp)
	adcx	%r10, %r10
	adox	HI, %r10
	mov	%r10, 24(%rsp)
	mov	16(A), %rdx
	mulx	%rdx, LO, HI
	adcx	%r11, %r11
	adox	LO, %r11
	mov	%r11, 32(%rsp)
	adcx	%r12, %r12
	adox	HI, %r12
	mov	%r12, 40(%rsp)
	mov	24(A), %rdx
	mulx	%rdx, LO, HI
	adcx	%r13, %r13
	adox	LO, %r13
	mov	%r13, 48(%rsp)
	adcx	%r14, %r14
	adox	HI, %r14
	mov	%r14, 56(%rsp)
	mov	32(A), %rdx
	mulx	%rdx, LO, HI
	adcx	%r15, %r15
	adox	LO, %r15
	mov	%r15, 64(%rsp)
	adcx	%rbp, %rbp
	adox	HI, %rbp
	mov	%rbp, 72(%rsp)
	mov	40(A), %rdx
	mulx	%rdx, LO, HI
	adcx	%rcx, %rcx
	adox	LO, %rcx
	mov	%rcx, 80(%rsp)
	mov	$0, LO
	adcx	LO, HI
	adox	LO, HI
	mov	HI, 88(%rsp)
	redc	0, R, 0, %rsp
	add	$104, %rsp
	leave_ret
	.size	bls_fp_sqr_adx, .-bls_fp_sqr_adx

/* Fp2: c0 at 0, c1 at 48; unreduced c0 at 0, c1 at 96. */

/* void bls_fp2_add_adx(struct fp2 *r, const struct fp2 *a, const struct fp2 *b) */
function bls_fp2_add_adx
	enter
	mov	%rdx, B
	add_mod	0, R, 0, A, 0, B
	add_mod	48, R, 48, A, 48, B
	leave_ret
	.size	bls_fp2_add_adx, .-bls_fp2_add_adx

/* void bls_fp2_sub_adx(struct fp2 *r, const struct fp2 *a, const struct fp2 *b) */
function bls_fp2_sub_adx
	enter
	mov	%rdx, B
	sub_mod	0, R, 0, A, 0, B
	sub_mod	48, R, 48, A, 48, B
	leave_ret
	.size	bls_fp2_sub_adx, .-bls_fp2_sub_adx

/* void bls_fp2w_add_adx(struct fp2w *r, const struct fp2w *a, const struct fp2w *b) */
function bls_fp2w_add_adx
	enter
	mov	%rdx, B
	addw	0, R, 0, A, 0, B
	addw	96, R, 96, A, 96, B
	leave_ret
	.size	bls_fp2w_add_adx, .-bls_fp2w_add_adx

/* void bls_fp2w_sub_adx(struct fp2w *r, const struct fp2w *a, const struct fp2w *b) */
function bls_fp2w_sub_adx
	enter
	mov	%rdx, B
	subw	0, R, 0, A, 0, B
	subw	96, R, 96, A, 96, B
	leave_ret
	.size	bls_fp2w_sub_adx, .-bls_fp2w_sub_adx

/* void bls_fp2_redc_adx(struct fp2 *r, const struct fp2w *a) */
function bls_fp2_redc_adx
	enter
	redc	0, R, 0, A
	redc	48, R, 96, A
	leave_ret
	.size	bls_fp2_redc_adx, .-bls_fp2_redc_adx

/* Karatsuba into c0 and c1 at w and w+96; the frame has the sums at 0 and 48, a1 b1 at 96. */
.macro karatsuba wo, w
	chain6	add, adc, 0, A, 48, A
	store6	0, %rsp
	chain6	add, adc, 0, B, 48, B
	store6	48, %rsp
	mul_wide \wo, \w, 0, A, 0, B
	mul_wide 96, %rsp, 48, A, 48, B
	mul_wide \wo+96, \w, 0, %rsp, 48, %rsp
	subw_positive \wo+96, \w, \wo, \w
	subw_positive \wo+96, \w, 96, %rsp
	subw	\wo, \w, \wo, \w, 96, %rsp
.endm

/* void bls_fp2w_mul_adx(struct fp2w *r, const struct fp2 *a, const struct fp2 *b) */
function bls_fp2w_mul_adx
	enter
	sub	$200, %rsp
	mov	%rdx, B
	karatsuba 0, R
	add	$200, %rsp
	leave_ret
	.size	bls_fp2w_mul_adx, .-bls_fp2w_mul_adx

/* void bls_fp2_mul_adx(struct fp2 *r, const struct fp2 *a, const struct fp2 *b) */
function bls_fp2_mul_adx
	enter
	sub	$392, %rsp
	mov	%rdx, B
	karatsuba 192, %rsp
	redc	0, R, 192, %rsp
	redc	48, R, 288, %rsp
	add	$392, %rsp
	leave_ret
	.size	bls_fp2_mul_adx, .-bls_fp2_mul_adx

/* a0 + a1, a0 - a1 + p and 2 a0 at 0, 48 and 96 of the frame */
.macro square_terms
	chain6	add, adc, 0, A, 48, A
	store6	0, %rsp
	lea	p(%rip), B
	chain6	add, adc, 0, A, 0, B
	sub	48(A), %r8
	sbb	56(A), %r9
	sbb	64(A), %r10
	sbb	72(A), %r11
	sbb	80(A), %r12
	sbb	88(A), %r13
	store6	48, %rsp
	chain6	add, adc, 0, A, 0, A
	store6	96, %rsp
.endm

/* void bls_fp2w_sqr_adx(struct fp2w *r, const struct fp2 *a) */
function bls_fp2w_sqr_adx
	enter
	sub	$152, %rsp
	square_terms
	mul_wide 0, R, 0, %rsp, 48, %rsp
	mul_wide 96, R, 48, A, 96, %rsp
	add	$152, %rsp
	leave_ret
	.size	bls_fp2w_sqr_adx, .-bls_fp2w_sqr_adx

/* void bls_fp2_sqr_adx(struct fp2 *r, const struct fp2 *a) */
function bls_fp2_sqr_adx
	enter
	sub	$152, %rsp
	square_terms
	mul	48, R, 48, A, 96, %rsp
	mul	0, R, 0, %rsp, 48, %rsp
	add	$152, %rsp
	leave_ret
	.size	bls_fp2_sqr_adx, .-bls_fp2_sqr_adx

#endif
	.section .note.GNU-stack, "", @progbits
