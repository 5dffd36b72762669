lighter fit config.yaml trainer::devices=[0,1]
lighter fit config.yaml trainer::devices=-1
lighter fit config.yaml trainer::devices=4
