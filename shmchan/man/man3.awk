# Makes the pages of section 3 from the public headers, whose comments are the contracts, and from the file `pages`, which
# says what stands on which page. So a page can't say anything else than the header.
#
#	awk -v out=DIR -f man3.awk pages HEADER...
#
# Fails if a function of a header is on no page or on two, or if a page names something that no header has.

function bad(text) { print "man3.awk: " text > "/dev/stderr"; failed = 1 }

function trim(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }

function roff(s) {
	gsub(/\\/, "\\e", s)
	if (s ~ /^[.']/)
		s = "\\&" s
	return s
}

# ------------------------------------------------------------------------------------------- the list of pages

FNR == NR && /^#/ { next }
FNR == NR && /^page / {
	page = $2
	pages[++page_cnt] = page
	title[page] = substr($0, index($0, $3))
	next
}
FNR == NR && /^header / { header[page] = $2; next }
FNR == NR && /^fn / {
	for (i = 2; i <= NF; i++) {
		if ($i in page_of)
			bad($i " is on two pages")
		page_of[$i] = page
		fns[page] = fns[page] " " $i
	}
	next
}
FNR == NR && /^type / { types[page] = types[page] " " $2 ":" $3; next }
FNR == NR && /^see / { see[page] = substr($0, 5); next }
FNR == NR { intro[page] = intro[page] $0 "\n"; next }

# ------------------------------------------------------------------------------------------------ the headers

/^\/\// && !in_decl && !in_type { comment = comment substr($0, 3) "\n"; next }

/^(struct|enum) [a-z_]+ \{/ {
	in_type = 1
	type = $1 ":" $2
	sub(/:$/, "", type)
	type_doc[type] = comment
	type_text[type] = ""
}
in_type {
	type_text[type] = type_text[type] $0 "\n"
	if (/^\};/ || /^(struct|enum) .*\};/) {
		in_type = 0
		comment = ""
	}
	next
}

/^SHMCHAN_API / || /^static inline .*;$/ { in_decl = 1; decl = "" }
in_decl {
	line = $0
	sub(/^(SHMCHAN_API|static inline) /, "", line)
	tail = ""
	if (match(line, /;[ \t]*\/\//)) {
		tail = trim(substr(line, RSTART + RLENGTH))
		line = substr(line, 1, RSTART)
	}
	decl = decl (decl == "" ? "" : " ") trim(line)
	if (line ~ /;[ \t]*$/) {
		in_decl = 0
		match(decl, /shmchan_[a-z0-9_]+\(/)
		name = substr(decl, RSTART, RLENGTH - 1)
		decls[name] = decl
		docs[name] = comment (tail == "" ? "" : " " toupper(substr(tail, 1, 1)) substr(tail, 2) ".\n")
		if (!(name in page_of))
			bad(name " is on no page")
		comment = ""
	}
	next
}
{ comment = "" }

# -------------------------------------------------------------------------------------------------- the pages

# Lines that begin with a tab are text as it is; an empty one ends a paragraph. Raw: with the macros of man(7) in it.
function text(file, s, raw,    n, l, i, literal) {
	n = split(s, l, "\n")
	for (i = 1; i <= n; i++) {
		if (l[i] ~ /^\t/) {
			if (!literal)
				print ".PP\n.RS 4\n.nf" > file
			literal = 1
			print roff(substr(l[i], 2)) > file
			continue
		}
		if (literal)
			print ".fi\n.RE" > file
		if (trim(l[i]) == "" && i < n)
			print ".PP" > file
		else if (trim(l[i]) != "")
			print raw ? trim(l[i]) : roff(trim(l[i])) > file
		literal = 0
	}
	if (literal)
		print ".fi\n.RE" > file
}

# A declaration, one argument after the other, broken before the page's edge.
function synopsis(file, s,    n, w, i, line) {
	n = split(s, w, " ")
	line = ""
	for (i = 1; i <= n; i++) {
		if (length(line) + length(w[i]) > 74) {
			print ".B \"" line "\"" > file
			line = "       "
		}
		line = line (line == "" || line ~ / $/ ? "" : " ") w[i]
	}
	print ".B \"" line "\"" > file
}

function one(page,    file, n, f, i, k, t) {
	file = out "/" page ".3"
	print ".\\\" Made from the headers by man3.awk." > file
	print ".TH " page " 3 \"\" \"libshmchan\" \"Crash-safe channels\"" > file
	print ".SH NAME" > file
	n = split(trim(fns[page]), f, " ")
	t = ""
	for (i = 1; i <= n; i++)
		t = t (i > 1 ? ", " : "") f[i]
	print (n ? t : page) " \\- " title[page] > file
	print ".SH SYNOPSIS\n.nf" > file
	print ".B #include <shmchan/" header[page] ">" > file
	print ".sp" > file
	for (i = 1; i <= n; i++)
		if (f[i] in decls)
			synopsis(file, decls[f[i]])
		else
			bad(page " names " f[i] ", which no header has")
	print ".sp\nLink with \\fI\\-lshmchan\\fP; pkg\\-config(1) knows it as \\fIshmchan\\fP.\n.fi" > file
	print ".SH DESCRIPTION" > file
	text(file, intro[page], 1)
	for (i = 1; i <= n; i++) {
		if (docs[f[i]] == "")
			continue
		print ".SS " f[i] "()" > file
		text(file, docs[f[i]])
	}
	n = split(trim(types[page]), f, " ")
	if (n)
		print ".SH TYPES" > file
	for (i = 1; i <= n; i++) {
		if (!(f[i] in type_text)) {
			bad(page " names " f[i] ", which no header has")
			continue
		}
		if (type_doc[f[i]] != "")
			text(file, type_doc[f[i]])
		print ".PP\n.nf" > file
		k = type_text[f[i]]
		gsub(/\\/, "\\e", k)
		gsub(/\t/, "    ", k)
		printf "%s", k > file
		print ".fi" > file
	}
	print ".SH RETURN VALUE" > file
	print "Calls that return \\fIint\\fP give 0, or a count where the text says so, or a negative code;" > file
	print ".BR shmchan_strerror (3)" > file
	print "has the list; the text leaves out their \\fISHMCHAN_\\fP. The library never prints, never exits, and leaves no result in \\fIerrno\\fP." > file
	print ".SH SEE ALSO" > file
	n = split(see[page] " shmchan(7)", f, " ")
	for (i = 1; i <= n; i++) {
		k = f[i]
		sub(/\(/, " (", k)
		print ".BR " k (i < n ? "," : "") > file
	}
	close(file)
	for (i = split(trim(fns[page]), f, " "); i > 0; i--)
		if (f[i] != page) {
			print ".so man3/" page ".3" > (out "/" f[i] ".3")
			close(out "/" f[i] ".3")
		}
}

END {
	for (p = 1; p <= page_cnt; p++)
		one(pages[p])
	exit failed
}
