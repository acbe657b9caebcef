FOLDERS := codegen frontends passes runtime schedule tools treeir verify

typelinks: ## git-ignored tree where folder F is treec/F, for pyright only
	@rm -rf typelinks && mkdir -p typelinks/treec
	@ln -s $(addprefix ../../,$(FOLDERS) $(wildcard src/treec/*.py) src/treec/py.typed) typelinks/treec/
.PHONY: typelinks
