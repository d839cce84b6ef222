SCRIPTS += tests/ncli/ncli.sh tests/ncli/vectors.sh
