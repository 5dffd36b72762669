lighter fit config.yaml system::model::compile=true
