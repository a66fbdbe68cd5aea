from fastapi import FastAPI
from pydantic import BaseModel
app = FastAPI()
class InputData(BaseModel):
    text: str
@app.post("/predict")
def predict(input_data: InputData):
    # Simulate model prediction (e.g., sentiment analysis)
    prediction = "positive" if "good" in input_data.text.lower() else "negative"
    return {"input": input_data.text, "prediction": prediction}
