from processor.cli import app

app()
