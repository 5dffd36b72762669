lighter fit base.yaml,data/digits.yaml,models/small.yaml,train/sgd.yaml
