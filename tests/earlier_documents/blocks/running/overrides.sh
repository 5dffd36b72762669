lighter fit config.yaml trainer::max_epochs=50
lighter fit config.yaml system::optimizer::lr=0.001
lighter fit config.yaml trainer::callbacks::0::patience=10
lighter fit config.yaml \
    trainer::max_epochs=100 \
    system::optimizer::lr=0.0001 \
    trainer::devices=1
