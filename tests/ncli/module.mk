SCRIPTS += tests/ncli/ncli.sh tests/ncli/testnet.sh tests/ncli/vectors.sh
