for lr in 0.001 0.01 0.1; do
    lighter fit config.yaml \
        system::optimizer::lr=$lr \
        trainer::logger::name="lr_$lr"
done
