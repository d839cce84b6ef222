# Spin's models; long, so that `make check` runs them and `make test` does not.
MODEL_PACKAGES := spin

.PHONY: model
model:
	$(Q)sh tests/deps.sh $(MODEL_PACKAGES)
	$(Q)BUILD=$(O) TEST_TIMEOUT=3600 tests/run.sh tests/model/models.sh
