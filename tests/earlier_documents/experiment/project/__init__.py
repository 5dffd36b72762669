from project.models import MyModel as MyModel
