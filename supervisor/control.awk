# The protocol of the control socket, as the comment of control.h has it, before the examples of shmsup(1):
#	shmsup manual | awk -f control.awk control.h -
function escape(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	return s ~ /^[.']/ ? "\\&" s : s
}
FILENAME ~ /control\.h$/ {
	if (/^#ifndef/)
		end = 1
	if (!end) {
		sub(/^\/\/ ?/, "")
		text[++cnt] = $0
	}
	next
}
/^\.SH EXAMPLES/ {
	print ".SH CONTROL SOCKET"
	for (i = 1; i <= cnt; i++) {
		if (text[i] ~ /^\t/ && !code)
			print ".PP\n.nf"
		if (text[i] !~ /^\t/ && code)
			print ".fi\n.PP"
		code = text[i] ~ /^\t/
		gsub(/\t/, "    ", text[i])
		sub(/^    /, "", text[i])
		if (code || text[i] != "")
			print escape(text[i])
	}
}
{ print }
