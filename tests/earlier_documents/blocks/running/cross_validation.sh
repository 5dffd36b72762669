for fold in {1..5}; do
    lighter fit config.yaml \
        system::dataloaders::train::dataset::fold=$fold \
        system::dataloaders::val::dataset::fold=$fold \
        trainer::logger::name="fold_$fold"
done
